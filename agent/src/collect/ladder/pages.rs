//! What makes, shares, copies and ends slots and frames: the legs without which there is no history.

use super::{Ladder, rung};

pub const WP_FAULT: Ladder = Ladder {
    leg: "wp-fault",
    rungs: &[
        rung(
            "fentry+fexit do_wp_page, folio_add_new_anon_rmap, ptep_set_access_flags",
            &[
                "do_wp_page",
                "folio_add_new_anon_rmap",
                "ptep_set_access_flags",
                "handle_userfault",
            ],
            &[
                "wp_enter",
                "new_folio",
                "wp_reuse",
                "wp_userfault",
                "wp_exit",
                "wp_exit_counting",
            ],
        ),
        rung(
            "fentry+fexit do_wp_page, folio_add_new_anon_rmap",
            &["do_wp_page", "folio_add_new_anon_rmap", "handle_userfault"],
            &[
                "wp_enter",
                "new_folio",
                "wp_userfault",
                "wp_exit",
                "wp_exit_counting",
            ],
        ),
        rung(
            "fentry+fexit do_wp_page, page_add_new_anon_rmap",
            &["do_wp_page", "page_add_new_anon_rmap", "handle_userfault"],
            &[
                "wp_enter",
                "new_page",
                "wp_userfault",
                "wp_exit",
                "wp_exit_counting",
            ],
        ),
    ],
};

pub const HUGE_WP: Ladder = Ladder {
    leg: "huge-wp",
    rungs: &[
        rung(
            "fentry+fexit do_huge_pmd_wp_page",
            &["do_huge_pmd_wp_page"],
            &["huge_wp_enter", "huge_wp_exit"],
        ),
        rung(
            "kprobe+kretprobe do_huge_pmd_wp_page",
            &[],
            &["huge_wp_enter_kprobe", "huge_wp_exit_kprobe"],
        )
        .probing(&["do_huge_pmd_wp_page"]),
    ],
};

pub const FORK: Ladder = Ladder {
    leg: "fork",
    rungs: &[
        rung(
            "fentry+fexit copy_page_range, folio_add_new_anon_rmap, sched_process_fork",
            &["copy_page_range", "folio_add_new_anon_rmap"],
            &[
                "fork_vma_enter",
                "fork_vma_exit",
                "new_folio",
                "fork_process",
            ],
        ),
        rung(
            "fentry+fexit copy_page_range, page_add_new_anon_rmap, sched_process_fork",
            &["copy_page_range", "page_add_new_anon_rmap"],
            &[
                "fork_vma_enter",
                "fork_vma_exit",
                "new_page",
                "fork_process",
            ],
        ),
    ],
};

pub const ANON_NEW: Ladder = Ladder {
    leg: "anon-new",
    rungs: &[
        rung(
            "fentry folio_add_new_anon_rmap",
            &["folio_add_new_anon_rmap"],
            &["new_folio"],
        ),
        rung(
            "fentry page_add_new_anon_rmap",
            &["page_add_new_anon_rmap"],
            &["new_page"],
        ),
    ],
};

pub const UNMAP: Ladder = Ladder {
    leg: "unmap",
    rungs: &[
        rung(
            "fentry __zap_vma_range",
            &["__zap_vma_range"],
            &["zap_range"],
        ),
        rung(
            "fentry unmap_page_range",
            &["unmap_page_range"],
            &["unmap_range"],
        ),
    ],
};

pub const EXIT: Ladder = Ladder {
    leg: "exit",
    rungs: &[rung(
        "fentry exit_mmap, sched_process_exec, sched_process_exit",
        &["exit_mmap"],
        &["mm_exit", "exec_process", "exit_process"],
    )],
};

pub const FREE: Ladder = Ladder {
    leg: "free",
    rungs: &[rung("raw_tp mm_page_free", &[], &["frame_free"])],
};
