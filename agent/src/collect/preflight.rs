//! What would work here, for `doctor`: the programs are loaded as for tracing, but not attached, and let go again.

use crate::collect::load;
use crate::doctor::Check;

/// Whether the kernel takes our programs, and each leg with its hook. Changes nothing.
pub fn preflight() -> Vec<Check> {
    match load::try_load() {
        Ok(legs) => legs
            .into_iter()
            .map(|leg| {
                let better = leg.reasons.join("; ");
                if leg.hook.is_empty() {
                    Check::note(leg.leg, format!("not on this kernel: {better}"))
                } else if better.is_empty() {
                    Check::good(leg.leg, leg.hook)
                } else {
                    Check::note(leg.leg, format!("{} (not {better})", leg.hook))
                }
            })
            .collect(),
        Err(error) => {
            let said = format!("{error:#}");
            // The remedy below says it.
            let found = said.trim_end_matches(", or trace in the lab: cowpath lab");
            vec![Check::bad("bpf", found, "Trace in the lab: cowpath lab")]
        }
    }
}
