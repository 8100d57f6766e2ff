//! References that GUP takes and gives back.

use super::{Ladder, rung};

pub const GUP: Ladder = Ladder {
    leg: "gup",
    rungs: &[
        rung(
            "fentry+fexit gup_fast_fallback, __gup_longterm_locked, __get_user_pages, fexit memfd_pin_folios",
            &[
                "gup_fast_fallback",
                "__gup_longterm_locked",
                "__get_user_pages",
                "memfd_pin_folios",
            ],
            &[
                "gup_fast_enter",
                "gup_fast_exit",
                "gup_longterm_enter",
                "gup_longterm_exit",
                "gup_slow_enter",
                "gup_slow_exit",
                "gup_memfd_exit",
            ],
        ),
        rung(
            "fentry+fexit gup_fast_fallback, __gup_longterm_locked, __get_user_pages",
            &[
                "gup_fast_fallback",
                "__gup_longterm_locked",
                "__get_user_pages",
            ],
            &[
                "gup_fast_enter",
                "gup_fast_exit",
                "gup_longterm_enter",
                "gup_longterm_exit",
                "gup_slow_enter",
                "gup_slow_exit",
            ],
        ),
        // __get_user_pages() has seven arguments up to 6.4: fentry is refused there when it is attached, not before.
        rung(
            "fentry+fexit internal_get_user_pages_fast, __gup_longterm_locked, kprobe+kretprobe __get_user_pages",
            &["internal_get_user_pages_fast", "__gup_longterm_locked"],
            &[
                "gup_internal_enter",
                "gup_internal_exit",
                "gup_longterm_enter",
                "gup_longterm_exit",
                "gup_slow_enter_kprobe",
                "gup_slow_exit_kprobe",
            ],
        )
        .probing(&["__get_user_pages"]),
    ],
};

pub const UNPIN: Ladder = Ladder {
    leg: "unpin",
    rungs: &[
        rung(
            "fentry unpin_user_page(s), dirty_lock, range, unpin_folio(s), unpin_user_folio",
            &[
                "unpin_user_page",
                "unpin_user_pages",
                "unpin_user_pages_dirty_lock",
                "unpin_user_page_range_dirty_lock",
                "unpin_folio",
                "unpin_folios",
                "unpin_user_folio",
            ],
            &[
                "unpin_page",
                "unpin_pages",
                "unpin_dirty",
                "unpin_range",
                "unpin_folio",
                "unpin_folios",
                "unpin_folio_often",
            ],
        ),
        rung(
            "fentry unpin_user_page(s), dirty_lock, range",
            &[
                "unpin_user_page",
                "unpin_user_pages",
                "unpin_user_pages_dirty_lock",
                "unpin_user_page_range_dirty_lock",
            ],
            &["unpin_page", "unpin_pages", "unpin_dirty", "unpin_range"],
        ),
        rung(
            "fentry unpin_user_page(s), dirty_lock",
            &[
                "unpin_user_page",
                "unpin_user_pages",
                "unpin_user_pages_dirty_lock",
            ],
            &["unpin_page", "unpin_pages", "unpin_dirty"],
        ),
    ],
};
