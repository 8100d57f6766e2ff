//! Which hooks each leg may run on, best first. The first that this kernel offers is attached.

mod gup;
mod huge;
mod identity;
mod pages;
mod protect;

use crate::collect::load::Kernel;

/// One way to run a leg.
pub struct Rung {
    pub name: &'static str,
    /// Kernel functions that must be traceable.
    pub functions: &'static [&'static str],
    /// Kernel functions that must be there, for kprobes: whatever their arguments are.
    pub probed: &'static [&'static str],
    /// Programs of the BPF object. Several legs may share one.
    pub programs: &'static [&'static str],
}

/// A leg, and its rungs from best to worst.
pub struct Ladder {
    pub leg: &'static str,
    pub rungs: &'static [Rung],
}

const fn rung(
    name: &'static str,
    functions: &'static [&'static str],
    programs: &'static [&'static str],
) -> Rung {
    Rung {
        name,
        functions,
        probed: &[],
        programs,
    }
}

impl Rung {
    const fn probing(self, probed: &'static [&'static str]) -> Self {
        Self { probed, ..self }
    }
}

/// In the order of `enum leg` in agent/bpf/record.h.
pub const LADDERS: &[Ladder] = &[
    pages::WP_FAULT,
    pages::HUGE_WP,
    pages::FORK,
    pages::ANON_NEW,
    pages::UNMAP,
    pages::EXIT,
    pages::FREE,
    gup::GUP,
    gup::UNPIN,
    protect::WRPROTECT,
    protect::UFFD,
    huge::HUGETLB_WP,
    huge::PMD_SPLIT,
    huge::FOLIO_SPLIT,
    huge::COLLAPSE,
    identity::SWAP,
    identity::MIGRATE,
    identity::KSM,
    identity::REMAP,
];

/// What was chosen for one leg.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub leg: &'static str,
    /// The rung's name; empty where no rung fits.
    pub hook: &'static str,
    pub programs: &'static [&'static str],
    /// Why better rungs, or all, were refused.
    pub reasons: Vec<String>,
}

/// A program that the kernel refused, and in which words.
pub type Refusal = (String, String);
pub type Refused = Vec<Refusal>;

/// Chooses a rung for every leg.
pub fn choose(kernel: &Kernel, refused: &Refused) -> Vec<Choice> {
    LADDERS
        .iter()
        .map(|ladder| climb(ladder, kernel, refused))
        .collect()
}

fn climb(ladder: &Ladder, kernel: &Kernel, refused: &Refused) -> Choice {
    let mut choice = Choice {
        leg: ladder.leg,
        ..Choice::default()
    };
    for rung in ladder.rungs {
        match obstacle(rung, kernel, refused) {
            Some(why) => choice.reasons.push(format!("{}: {why}", rung.name)),
            None => {
                choice.hook = rung.name;
                choice.programs = rung.programs;
                return choice;
            }
        }
    }
    choice
}

fn obstacle(rung: &Rung, kernel: &Kernel, refused: &Refused) -> Option<String> {
    if let Some(why) = rung
        .functions
        .iter()
        .find_map(|name| kernel.untraceable(name))
        .or_else(|| rung.probed.iter().find_map(|name| kernel.absent(name)))
    {
        return Some(why);
    }
    refused
        .iter()
        .find(|(program, _)| rung.programs.contains(&program.as_str()))
        .map(|(program, why)| format!("the kernel refuses {program}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &[&str] = &[
        "do_wp_page",
        "folio_add_new_anon_rmap",
        "ptep_set_access_flags",
        "handle_userfault",
        "do_huge_pmd_wp_page",
        "copy_page_range",
        "__zap_vma_range",
        "exit_mmap",
        "try_to_unmap_one",
        "do_swap_page",
        "folio_put_swap",
        "folio_migrate_flags",
        "try_to_merge_one_page",
        "move_page_tables",
    ];

    fn chosen(kernel: &Kernel, refused: &Refused, leg: &str) -> Choice {
        let mut all = choose(kernel, refused);
        all.retain(|choice| choice.leg == leg);
        all.remove(0)
    }

    #[test]
    fn the_best_rung_is_chosen_where_all_is_there() {
        let kernel = Kernel::with(NEW);
        let choice = chosen(&kernel, &Refused::new(), "wp-fault");
        assert!(choice.hook.contains("ptep_set_access_flags"));
        assert!(choice.reasons.is_empty());
    }

    #[test]
    fn every_program_of_a_rung_is_in_the_object() {
        let open = libbpf_rs::ObjectBuilder::default()
            .open_file(concat!(env!("OUT_DIR"), "/cowpath.bpf.o"))
            .unwrap();
        let there: Vec<String> = open
            .progs()
            .map(|program| program.name().to_string_lossy().into_owned())
            .collect();
        for rung in LADDERS.iter().flat_map(|ladder| ladder.rungs) {
            for program in rung.programs {
                assert!(there.iter().any(|name| name == program), "{program}");
            }
        }
    }

    #[test]
    fn a_missing_hook_costs_its_rung_and_says_so_and_stops_nothing_else() {
        let names: Vec<&str> = NEW
            .iter()
            .copied()
            .filter(|name| *name != "ptep_set_access_flags")
            .collect();
        let kernel = Kernel::with(&names);
        let choice = chosen(&kernel, &Refused::new(), "wp-fault");
        assert_eq!(
            choice.hook,
            "fentry+fexit do_wp_page, folio_add_new_anon_rmap"
        );
        assert!(choice.reasons[0].contains("no function ptep_set_access_flags"));
        let others = |kernel: &Kernel| -> Vec<&str> {
            let all = choose(kernel, &Refused::new());
            let others = all.iter().filter(|choice| choice.leg != "wp-fault");
            others.map(|choice| choice.hook).collect()
        };
        assert_eq!(others(&kernel), others(&Kernel::with(NEW)));
    }

    /// A kernel that offers what one rung needs and nothing else, and refuses what only better rungs have.
    #[test]
    fn every_rung_is_reached_where_better_ones_are_refused_and_each_refusal_has_a_reason() {
        for ladder in LADDERS {
            for (place, rung) in ladder.rungs.iter().enumerate() {
                let kernel = Kernel::with(&[rung.functions, rung.probed].concat());
                let better = ladder.rungs.iter().take(place);
                let refused: Refused = better
                    .flat_map(|better| better.programs)
                    .filter(|program| !rung.programs.contains(program))
                    .map(|&program| (program.to_owned(), "Invalid argument".to_owned()))
                    .collect();
                let choice = climb(ladder, &kernel, &refused);
                assert_eq!(choice.hook, rung.name);
                assert_eq!(choice.reasons.len(), place, "{}", rung.name);
                for (reason, better) in choice.reasons.iter().zip(ladder.rungs) {
                    assert!(
                        reason.starts_with(better.name) && reason.len() > better.name.len() + 2
                    );
                }
            }
        }
    }

    #[test]
    fn on_a_kernel_that_has_moved_everything_each_leg_says_why_it_is_absent() {
        for choice in choose(&Kernel::with(&[]), &Refused::new()) {
            // A tracepoint and no function.
            if choice.leg != "free" {
                assert_eq!(choice.hook, "", "{}", choice.leg);
                assert!(
                    choice
                        .reasons
                        .iter()
                        .all(|reason| reason.contains("no function"))
                );
            }
        }
    }

    #[test]
    fn a_program_that_the_kernel_refuses_costs_every_leg_that_shares_it() {
        let refused = vec![("new_folio".to_owned(), "Invalid argument".to_owned())];
        let kernel = Kernel::with(NEW);
        let choice = chosen(&kernel, &refused, "anon-new");
        assert_eq!(choice.hook, "");
        assert!(choice.reasons[0].contains("refuses new_folio: Invalid argument"));
        assert_eq!(
            chosen(&kernel, &refused, "unmap").hook,
            "fentry __zap_vma_range"
        );
    }
}
