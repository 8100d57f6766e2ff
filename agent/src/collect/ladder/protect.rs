//! Who takes the right to write away, and who is told of a write.

use super::{Ladder, rung};

pub const WRPROTECT: Ladder = Ladder {
    leg: "wrprotect",
    rungs: &[
        rung(
            "fentry change_protection, clear_refs_test_walk, make_uffd_wp_pte, fexit write_protect_page",
            &[
                "change_protection",
                "clear_refs_test_walk",
                "write_protect_page",
                "make_uffd_wp_pte",
                "pagemap_scan_pmd_entry",
            ],
            &[
                "protect",
                "protect_soft_dirty",
                "protect_ksm",
                "scan_enter",
                "scan_protect",
                "scan_exit",
            ],
        ),
        rung(
            "fentry change_protection, clear_refs_test_walk, fexit write_protect_page",
            &[
                "change_protection",
                "clear_refs_test_walk",
                "write_protect_page",
            ],
            &["protect", "protect_soft_dirty", "protect_ksm"],
        ),
        rung(
            "kprobe change_protection, fentry clear_refs_test_walk, fexit write_protect_page",
            &["clear_refs_test_walk", "write_protect_page"],
            &["protect_kprobe", "protect_soft_dirty", "protect_ksm"],
        )
        .probing(&["change_protection"]),
        rung(
            "fentry change_protection",
            &["change_protection"],
            &["protect"],
        ),
    ],
};

pub const UFFD: Ladder = Ladder {
    leg: "uffd",
    rungs: &[rung(
        "fentry handle_userfault",
        &["handle_userfault"],
        &["wp_userfault"],
    )],
};
