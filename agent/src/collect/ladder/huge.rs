//! Huge pages: hugetlb faults, splits, collapse.

use super::{Ladder, rung};

pub const HUGETLB_WP: Ladder = Ladder {
    leg: "hugetlb-wp",
    rungs: &[
        // Here leg unmap sees hugetlb ranges, too.
        rung(
            "fentry+fexit hugetlb_wp, hugetlb_add_new_anon_rmap, free_huge_folio",
            &[
                "hugetlb_wp",
                "hugetlb_add_new_anon_rmap",
                "free_huge_folio",
                "__zap_vma_range",
            ],
            &[
                "hugetlb_wp_enter",
                "hugetlb_wp_exit",
                "new_hugetlb_folio",
                "hugetlb_free_folio",
            ],
        ),
        rung(
            "fentry+fexit hugetlb_wp, hugetlb_add_new_anon_rmap, free_huge_folio, __unmap_hugepage_range",
            &[
                "hugetlb_wp",
                "hugetlb_add_new_anon_rmap",
                "free_huge_folio",
                "__unmap_hugepage_range",
            ],
            &[
                "hugetlb_wp_enter",
                "hugetlb_wp_exit",
                "new_hugetlb_folio",
                "hugetlb_free_folio",
                "hugetlb_unmap",
            ],
        ),
        rung(
            "fentry+fexit hugetlb_cow, hugepage_add_new_anon_rmap, free_huge_page, __unmap_hugepage_range_final",
            &[
                "hugetlb_cow",
                "hugepage_add_new_anon_rmap",
                "free_huge_page",
                "__unmap_hugepage_range_final",
            ],
            &[
                "hugetlb_cow_enter",
                "hugetlb_cow_exit",
                "new_hugetlb_page",
                "hugetlb_free_page",
                "hugetlb_unmap_final",
            ],
        ),
        rung(
            "kprobe+kretprobe hugetlb_wp, fentry hugepage_add_new_anon_rmap, free_huge_page, __unmap_hugepage_range_final",
            &[
                "hugepage_add_new_anon_rmap",
                "free_huge_page",
                "__unmap_hugepage_range_final",
            ],
            &[
                "hugetlb_wp_enter_kprobe",
                "hugetlb_wp_exit_kprobe",
                "new_hugetlb_page",
                "hugetlb_free_page",
                "hugetlb_unmap_final",
            ],
        )
        .probing(&["hugetlb_wp"]),
    ],
};

pub const PMD_SPLIT: Ladder = Ladder {
    leg: "pmd-split",
    rungs: &[
        rung(
            "fentry split_huge_pmd_locked, fentry+fexit __split_huge_pmd",
            &["split_huge_pmd_locked", "__split_huge_pmd"],
            &["split_pmd_locked", "split_pmd_enter", "split_pmd_exit"],
        ),
        rung(
            "fentry __split_huge_pmd",
            &["__split_huge_pmd"],
            &["split_pmd"],
        ),
    ],
};

pub const FOLIO_SPLIT: Ladder = Ladder {
    leg: "folio-split",
    rungs: &[
        rung(
            "fentry+fexit __folio_split",
            &["__folio_split"],
            &["split_folio_enter", "split_folio_exit"],
        ),
        rung(
            "fentry+fexit split_huge_page_to_list_to_order",
            &["split_huge_page_to_list_to_order"],
            &["split_to_order_enter", "split_to_order_exit"],
        ),
        rung(
            "fentry+fexit split_huge_page_to_list",
            &["split_huge_page_to_list"],
            &["split_page_enter", "split_page_exit"],
        ),
    ],
};

pub const COLLAPSE: Ladder = Ladder {
    leg: "collapse",
    rungs: &[
        rung(
            "fentry+fexit collapse_huge_page, folio_add_new_anon_rmap",
            &["collapse_huge_page", "folio_add_new_anon_rmap"],
            &["collapse_enter", "collapse_exit", "new_folio"],
        ),
        rung(
            "fentry+fexit collapse_huge_page, page_add_new_anon_rmap",
            &["collapse_huge_page", "page_add_new_anon_rmap"],
            &["collapse_enter", "collapse_exit", "new_page"],
        ),
        rung(
            "tp_btf mm_collapse_huge_page, mm_collapse_huge_page_isolate, fentry page_add_new_anon_rmap",
            &["page_add_new_anon_rmap"],
            &["collapse_isolated", "collapse_done", "new_page"],
        ),
    ],
};
