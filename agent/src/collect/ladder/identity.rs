//! What changes the frame of a slot, or the slot of a frame, without a copy on write.

use super::Ladder;

pub const SWAP: Ladder = Ladder {
    leg: "swap",
    rungs: &[],
};

pub const MIGRATE: Ladder = Ladder {
    leg: "migrate",
    rungs: &[],
};

pub const KSM: Ladder = Ladder {
    leg: "ksm",
    rungs: &[],
};

pub const REMAP: Ladder = Ladder {
    leg: "remap",
    rungs: &[],
};
