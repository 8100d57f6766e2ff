//! What would work here, for `doctor`: the programs are loaded as for tracing, but not attached, and let go again.

use anyhow::{Error, Result};

use crate::collect::ladder::Choice;
use crate::collect::load;
use crate::doctor::Check;

const REMEDY: &str = "Trace in the lab: cowpath lab";

/// Whether the kernel takes our programs, whether they tell frames rightly, and each leg with its hook. Changes nothing.
pub fn preflight() -> Vec<Check> {
    match load::try_load() {
        Ok((legs, agreed)) => std::iter::once(pfn(agreed))
            .chain(legs.into_iter().map(leg))
            .collect(),
        Err(error) => vec![bad("bpf", &error)],
    }
}

fn pfn(agreed: Result<Option<u64>>) -> Check {
    match agreed {
        Ok(Some(_)) => Check::good("pfn", "frames are told as /proc/self/pagemap has them"),
        Ok(None) => Check::note(
            "pfn",
            "not compared: /proc/self/pagemap tells frames to CAP_SYS_ADMIN only",
        ),
        Err(error) => bad("pfn", &error),
    }
}

fn leg(leg: Choice) -> Check {
    let better = leg.reasons.join("; ");
    if leg.hook.is_empty() {
        Check::note(leg.leg, format!("not on this kernel: {better}"))
    } else if better.is_empty() {
        Check::good(leg.leg, leg.hook)
    } else {
        Check::note(leg.leg, format!("{} (not {better})", leg.hook))
    }
}

/// The remedy says what the words may end with.
fn bad(name: &'static str, error: &Error) -> Check {
    let said = format!("{error:#}");
    let found = said
        .trim_end_matches("cowpath lab")
        .trim_end_matches(", or trace in the lab: ")
        .trim_end_matches(". Trace in the lab: ");
    Check::bad(name, found, REMEDY)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_refusal_says_once_what_to_do() {
        for words in [
            "no BTF: boot another, or trace in the lab: cowpath lab",
            "no BTF: boot another. Trace in the lab: cowpath lab",
        ] {
            let check = bad("bpf", &anyhow!("{words}"));
            assert_eq!(check.found, "no BTF: boot another");
            assert_eq!(check.remedy, REMEDY);
        }
    }

    #[test]
    fn frames_that_disagree_forbid_tracing_and_frames_that_are_not_shown_do_not() {
        assert!(!pfn(Err(anyhow!("our programs find pfn 1"))).ok);
        assert!(pfn(Ok(None)).ok && pfn(Ok(Some(7))).ok);
    }
}
