//! Who takes the right to write away, and who is told of a write.

use super::Ladder;

pub const WRPROTECT: Ladder = Ladder {
    leg: "wrprotect",
    rungs: &[],
};

pub const UFFD: Ladder = Ladder {
    leg: "uffd",
    rungs: &[],
};
