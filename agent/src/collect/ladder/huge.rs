//! Huge pages: hugetlb faults, splits, collapse.

use super::Ladder;

pub const HUGETLB_WP: Ladder = Ladder {
    leg: "hugetlb-wp",
    rungs: &[],
};

pub const PMD_SPLIT: Ladder = Ladder {
    leg: "pmd-split",
    rungs: &[],
};

pub const FOLIO_SPLIT: Ladder = Ladder {
    leg: "folio-split",
    rungs: &[],
};

pub const COLLAPSE: Ladder = Ladder {
    leg: "collapse",
    rungs: &[],
};
