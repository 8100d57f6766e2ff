//! References that GUP takes and gives back.

use super::Ladder;

pub const GUP: Ladder = Ladder {
    leg: "gup",
    rungs: &[],
};

pub const UNPIN: Ladder = Ladder {
    leg: "unpin",
    rungs: &[],
};
