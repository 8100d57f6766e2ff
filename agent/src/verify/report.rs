//! What was found, as a table for people and as JSON for programs.

use crate::doctor::{printable, quote};
use crate::verify::judge::{Counted, LegReport, Verdict};

/// Every leg, looked at.
pub struct Report {
    pub legs: Vec<LegReport>,
}

impl Report {
    /// Whether every leg that could be tried tells what happens.
    pub fn is_ok(&self) -> bool {
        !self.legs.iter().any(|leg| leg.verdict.is_bad())
    }

    /// A line a leg, below it why it is not well, or why a better hook was refused.
    pub fn to_text(&self) -> String {
        let mut text = row(
            "leg",
            "verdict",
            "expected",
            "seen",
            "hook, and the kernel's own counters",
        );
        for leg in &self.legs {
            let counters: Vec<String> = leg.counters.iter().map(counter).collect();
            let mut what = vec![leg.hook.clone()];
            what.extend(counters);
            what.retain(|part| !part.is_empty());
            text += &row(
                leg.leg,
                leg.verdict.word(),
                &leg.expected.to_string(),
                &leg.seen.to_string(),
                &printable(&what.join("; ")),
            );
            for remark in remarks(leg) {
                text += &format!("{:12}{}\n", "", printable(&remark));
            }
        }
        let count = |word| {
            self.legs
                .iter()
                .filter(|leg| leg.verdict.word() == word)
                .count()
        };
        text += &format!(
            "{} ok, {} failed, {} absent, {} not tried\n",
            count("ok"),
            count("failed"),
            count("absent"),
            count("not tried")
        );
        text
    }

    /// `{"ok":bool,"legs":[{"leg","hook","reasons":[],"expected","seen","extra","counters":[{"name","own","rose"}],"verdict",
    /// "why"}]}`; verdict is ok, failed, absent or not tried.
    pub fn to_json(&self) -> String {
        let legs: Vec<String> = self.legs.iter().map(leg_json).collect();
        format!(
            "{{\"ok\":{},\"legs\":[{}]}}\n",
            self.is_ok(),
            legs.join(",")
        )
    }
}

fn row(leg: &str, verdict: &str, expected: &str, seen: &str, what: &str) -> String {
    format!("{leg:11} {verdict:9} {expected:>8} {seen:>5}  {what}\n")
}

fn counter(counted: &Counted) -> String {
    format!("{} {} of {}", counted.name, counted.own, counted.rose)
}

fn remarks(leg: &LegReport) -> Vec<String> {
    let refused = leg.reasons.iter().map(|reason| format!("not {reason}"));
    match &leg.verdict {
        Verdict::Ok => refused.collect(),
        Verdict::Absent(why) => vec![format!("no hook: {why}")],
        verdict => std::iter::once(verdict.why().to_owned())
            .chain(refused)
            .collect(),
    }
}

fn leg_json(leg: &LegReport) -> String {
    let reasons: Vec<String> = leg.reasons.iter().map(|reason| quote(reason)).collect();
    let counters: Vec<String> = leg
        .counters
        .iter()
        .map(|Counted { name, own, rose }| {
            format!(r#"{{"name":{},"own":{own},"rose":{rose}}}"#, quote(name))
        })
        .collect();
    format!(
        r#"{{"leg":{},"hook":{},"reasons":[{}],"expected":{},"seen":{},"extra":{},"counters":[{}],"verdict":{},"why":{}}}"#,
        quote(leg.leg),
        quote(&leg.hook),
        reasons.join(","),
        leg.expected,
        leg.seen,
        leg.extra,
        counters.join(","),
        quote(leg.verdict.word()),
        quote(leg.verdict.why())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict) -> Report {
        Report {
            legs: vec![LegReport {
                leg: "gup",
                hook: "fentry \u{1b}[2J".to_owned(),
                reasons: vec!["better: no function b".to_owned()],
                expected: 16,
                seen: 15,
                extra: 0,
                counters: vec![Counted {
                    name: "nr_foll_pin_acquired".to_owned(),
                    own: 16,
                    rose: 20,
                }],
                verdict,
            }],
        }
    }

    #[test]
    fn a_leg_that_is_not_well_says_why_in_both_forms_and_no_control_character_gets_out() {
        let report = report(Verdict::Failed("told 15 of 16".to_owned()));
        let text = report.to_text();
        assert!(text.contains(
            "gup         failed          16    15  fentry ?[2J; nr_foll_pin_acquired 16 of 20\n"
        ));
        assert!(text.contains("told 15 of 16\n") && text.contains("not better: no function b"));
        assert!(text.ends_with("0 ok, 1 failed, 0 absent, 0 not tried\n"));
        let json = report.to_json();
        assert!(json.starts_with("{\"ok\":false,") && json.contains("\\u001b[2J"));
    }

    #[test]
    fn what_this_host_cannot_try_is_no_failure() {
        assert!(report(Verdict::NotTried("no swap".to_owned())).is_ok());
        assert!(!report(Verdict::Absent("no function".to_owned())).is_ok());
    }
}
