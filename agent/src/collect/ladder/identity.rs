//! What changes the frame of a slot, or the slot of a frame, without a copy on write.

use super::{Ladder, rung};

pub const SWAP: Ladder = Ladder {
    leg: "swap",
    rungs: &[
        rung(
            "fexit try_to_unmap_one, fentry+fexit do_swap_page, folio_put_swap",
            &[
                "try_to_unmap_one",
                "do_swap_page",
                "folio_put_swap",
                "folio_add_new_anon_rmap",
            ],
            &[
                "swap_out",
                "swap_enter",
                "swap_put",
                "new_folio",
                "swap_exit",
            ],
        ),
        rung(
            "fexit try_to_unmap_one, fentry+fexit do_swap_page, swap_free_nr",
            &[
                "try_to_unmap_one",
                "do_swap_page",
                "swap_free_nr",
                "folio_add_new_anon_rmap",
            ],
            &[
                "swap_out",
                "swap_enter",
                "swap_free_many",
                "new_folio",
                "swap_exit",
            ],
        ),
        rung(
            "fexit try_to_unmap_one, fentry+fexit do_swap_page, swap_free",
            &[
                "try_to_unmap_one",
                "do_swap_page",
                "swap_free",
                "page_add_new_anon_rmap",
            ],
            &[
                "swap_out",
                "swap_enter",
                "swap_free_one",
                "new_page",
                "swap_exit",
            ],
        ),
        rung(
            "fexit try_to_unmap_one, fentry+fexit do_swap_page, do_page_add_anon_rmap",
            &[
                "try_to_unmap_one",
                "do_swap_page",
                "do_page_add_anon_rmap",
                "page_add_new_anon_rmap",
            ],
            &[
                "swap_out",
                "swap_enter",
                "swap_do_add_page",
                "new_page",
                "swap_exit",
            ],
        ),
    ],
};

pub const MIGRATE: Ladder = Ladder {
    leg: "migrate",
    rungs: &[
        rung(
            "fentry folio_migrate_flags",
            &["folio_migrate_flags"],
            &["migrate_folio"],
        ),
        rung(
            "fexit move_to_new_page",
            &["move_to_new_page"],
            &["migrate_page"],
        ),
    ],
};

pub const KSM: Ladder = Ladder {
    leg: "ksm",
    rungs: &[rung(
        "fexit try_to_merge_one_page",
        &["try_to_merge_one_page"],
        &["ksm_merge"],
    )],
};

pub const REMAP: Ladder = Ladder {
    leg: "remap",
    rungs: &[
        rung(
            "fexit move_page_tables, move_pages_ptes, move_pages_huge_pmd",
            &["move_page_tables", "move_pages_ptes", "move_pages_huge_pmd"],
            &["remap_exit", "uffd_move_ptes", "uffd_move_pmd"],
        ),
        rung(
            "fexit move_page_tables, move_pages",
            &["move_page_tables", "move_pages"],
            &["remap_exit", "uffd_move"],
        ),
        // Before UFFDIO_MOVE (6.8); bpf_get_func_ret() is there since 5.17, exit hooks are told of nothing without it.
        rung(
            "fexit move_page_tables",
            &["move_page_tables"],
            &["remap_exit"],
        ),
        rung(
            "kprobe move_page_tables.part.0",
            &[],
            &["remap_enter_kprobe"],
        )
        .probing(&["move_page_tables"]),
    ],
};
