//! What the subject did against what the legs told, leg by leg.

use crate::event::{Books, Event, LegStatus};
use crate::serve::wire::columns::{Kind, Outcome};
use crate::verify::fact::{Fact, Line};

/// What is to be thought of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It told all that was done, and no more.
    Ok,
    /// It did not, and how.
    Failed(String),
    /// It runs on no hook, and why.
    Absent(String),
    /// This host does not let it be tried, and why.
    NotTried(String),
}

impl Verdict {
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Absent(_))
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(_) => "failed",
            Self::Absent(_) => "absent",
            Self::NotTried(_) => "not tried",
        }
    }

    pub fn why(&self) -> &str {
        match self {
            Self::Ok => "",
            Self::Failed(why) | Self::Absent(why) | Self::NotTried(why) => why,
        }
    }
}

/// One of the kernel's own counters beside a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub name: String,
    /// What the subject did.
    pub own: u64,
    /// What the kernel counted meanwhile, of all processes.
    pub rose: u64,
}

/// One leg, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegReport {
    pub leg: &'static str,
    pub hook: String,
    /// Why better hooks were refused.
    pub reasons: Vec<String>,
    /// Facts of the subject that this leg has to tell, and those that it told.
    pub expected: usize,
    pub seen: usize,
    /// Events about the subject's pages that tell of nothing it did.
    pub extra: usize,
    pub counters: Vec<Counted>,
    pub verdict: Verdict,
}

/// Judges every leg. `tgid` is the subject's.
pub fn judge(legs: &[LegStatus], tgid: u32, lines: &[Line], events: &[Event]) -> Vec<LegReport> {
    let mut pieces: Vec<Option<Event>> = events.iter().flat_map(by_page).map(Some).collect();
    let told: Vec<(&Fact, bool)> = facts(lines)
        .map(|fact| (fact, take(&mut pieces, fact)))
        .collect();
    let left: Vec<Event> = pieces.into_iter().flatten().collect();
    let broke_off = lines.iter().find_map(|line| match line {
        Line::BrokeOff { step, why } => {
            Some(format!("step {step} of the self-test broke off: {why}"))
        }
        _ => None,
    });
    legs.iter()
        .map(|leg| {
            let of_leg: Vec<_> = told
                .iter()
                .filter(|(fact, _)| fact.leg == leg.name)
                .collect();
            let missing = of_leg.iter().find(|(_, is_told)| !is_told);
            let mut report = LegReport {
                leg: leg.name,
                hook: leg.hook.clone(),
                reasons: leg.reasons.clone(),
                expected: of_leg.len(),
                seen: of_leg.iter().filter(|(_, is_told)| *is_told).count(),
                extra: extra(leg.name, tgid, lines, &left),
                counters: counters(leg.name, lines),
                verdict: Verdict::Ok,
            };
            report.verdict = verdict(
                leg,
                &report,
                missing.map(|(fact, _)| *fact),
                not_tried(leg.name, lines),
                broke_off.as_deref(),
            );
            report
        })
        .collect()
}

fn verdict(
    leg: &LegStatus,
    report: &LegReport,
    missing: Option<&Fact>,
    not_tried: Option<&str>,
    broke_off: Option<&str>,
) -> Verdict {
    if !leg.attached {
        return Verdict::Absent(leg.reasons.join("; "));
    }
    if !balance(&leg.books) {
        return Verdict::Failed(format!("its books do not balance: {:?}", leg.books));
    }
    if let Some(fact) = missing {
        let lost = leg.books.ring_full + leg.books.missed;
        let lost = if lost == 0 {
            String::new()
        } else {
            format!(", and it counts {lost} as lost")
        };
        return Verdict::Failed(format!(
            "told {} of {}, not the first of the others: {fact}{lost}",
            report.seen, report.expected
        ));
    }
    if report.extra > 0 {
        return Verdict::Failed(format!("told {} that nobody did", report.extra));
    }
    if let Some(short) = report
        .counters
        .iter()
        .find(|counted| counted.rose < counted.own)
    {
        return Verdict::Failed(format!(
            "the kernel's own {} rose by {} where {} were done",
            short.name, short.rose, short.own
        ));
    }
    match (report.expected, not_tried, broke_off) {
        (0, Some(why), _) => Verdict::NotTried(why.to_owned()),
        (0, None, Some(why)) => Verdict::Failed(why.to_owned()),
        (0, None, None) => Verdict::Failed("the self-test did nothing for it to tell".to_owned()),
        _ => Verdict::Ok,
    }
}

fn balance(books: &Books) -> bool {
    let told = books.submitted + books.ring_full + books.filtered + books.throttled + books.missed;
    books.seen == told
}

fn facts(lines: &[Line]) -> impl Iterator<Item = &Fact> {
    lines.iter().filter_map(|line| match line {
        Line::Fact(fact) => Some(fact),
        _ => None,
    })
}

fn not_tried<'lines>(leg: &str, lines: &'lines [Line]) -> Option<&'lines str> {
    lines.iter().find_map(|line| match line {
        Line::NotTried { leg: of, why } if of == leg => Some(why.as_str()),
        _ => None,
    })
}

fn counters(leg: &str, lines: &[Line]) -> Vec<Counted> {
    let of_leg = lines.iter().filter_map(|line| match line {
        Line::Counter {
            leg: of,
            name,
            own,
            rose,
        } if of == leg => Some(Counted {
            name: name.clone(),
            own: *own,
            rose: *rose,
        }),
        _ => None,
    });
    of_leg.collect()
}

/// One event tells one fact.
fn take(pieces: &mut [Option<Event>], fact: &Fact) -> bool {
    let place = pieces
        .iter_mut()
        .find(|piece| piece.as_ref().is_some_and(|event| fact.is_told_by(event)));
    place.is_some_and(|piece| piece.take().is_some())
}

/// How many of neighbouring pages are told in one event is the agent's choice: they are looked at one by one.
fn by_page(event: &Event) -> Vec<Event> {
    const RUNS: [Kind; 4] = [Kind::Gup, Kind::Unpin, Kind::SwapIn, Kind::Migrate];
    if !RUNS.iter().any(|&kind| kind as u8 == event.kind) {
        return vec![*event];
    }
    let next = |from: u64, by: u32| {
        if from == 0 { 0 } else { from + u64::from(by) }
    };
    let page = |by| Event {
        vpn: next(event.vpn, by),
        old_pfn: next(event.old_pfn, by),
        new_pfn: next(event.new_pfn, by),
        pages: 1,
        ..*event
    };
    (0..event.pages.max(1)).map(page).collect()
}

/// Which leg tells this kind, where a claim is of it.
fn leg_of(kind: u8) -> &'static str {
    match Kind::try_from(i32::from(kind)) {
        Ok(Kind::WpFault) => "wp-fault",
        Ok(Kind::AnonNew) => "anon-new",
        Ok(Kind::Gup) => "gup",
        Ok(Kind::Wrprotect) => "wrprotect",
        Ok(Kind::UffdMessage) => "uffd",
        Ok(Kind::PmdSplit) => "pmd-split",
        Ok(Kind::Remap) => "remap",
        _ => "",
    }
}

/// Events in a claimed area that no fact took. A fault that lost a race changed nothing, and may come at any time.
fn extra(leg: &str, tgid: u32, lines: &[Line], left: &[Event]) -> usize {
    let no_change = [Outcome::Retry, Outcome::Failed].map(|outcome| outcome as u8);
    let is_claimed = |event: &Event| {
        lines.iter().any(|line| match *line {
            Line::Claim { kind, vpn, pages } => {
                kind == event.kind && leg_of(kind) == leg && (vpn..vpn + pages).contains(&event.vpn)
            }
            _ => false,
        })
    };
    left.iter()
        .filter(|event| event.tgid == tgid && !no_change.contains(&event.outcome))
        .filter(|event| is_claimed(event))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(name: &'static str) -> LegStatus {
        LegStatus {
            name,
            attached: true,
            hook: "fentry f".to_owned(),
            ..LegStatus::default()
        }
    }

    fn touched(vpn: u64) -> Event {
        Event {
            kind: Kind::AnonNew as u8,
            tgid: 9,
            vpn,
            new_pfn: 100 + vpn,
            pages: 1,
            ..Event::default()
        }
    }

    fn lines(vpns: &[u64]) -> Vec<Line> {
        let facts = vpns.iter().map(|&vpn| {
            Line::Fact(Fact {
                vpn: Some(vpn),
                new_pfn: Some(100 + vpn),
                ..Fact::new("anon-new", Kind::AnonNew as u8)
            })
        });
        facts.collect()
    }

    fn only(legs: &[LegStatus], lines: &[Line], events: &[Event]) -> LegReport {
        judge(legs, 9, lines, events).remove(0)
    }

    #[test]
    fn a_leg_that_tells_what_was_done_is_well_whatever_else_it_tells_elsewhere() {
        let mut lines = lines(&[1, 2]);
        lines.push(Line::Claim {
            kind: Kind::AnonNew as u8,
            vpn: 1,
            pages: 2,
        });
        let events = [touched(2), touched(70), touched(1)];
        let report = only(&[leg("anon-new")], &lines, &events);
        assert_eq!(report.verdict, Verdict::Ok);
        assert_eq!((report.expected, report.seen, report.extra), (2, 2, 0));
    }

    #[test]
    fn one_event_does_not_tell_of_two_things() {
        let report = only(&[leg("anon-new")], &lines(&[1, 1]), &[touched(1)]);
        assert_eq!((report.expected, report.seen), (2, 1));
        assert!(report.verdict.is_bad());
    }

    #[test]
    fn a_frame_that_is_told_wrongly_is_named() {
        let wrong = Event {
            new_pfn: 7,
            ..touched(1)
        };
        let report = only(&[leg("anon-new")], &lines(&[1]), &[wrong]);
        assert!(report.verdict.why().contains("vpn=1 new_pfn=101"));
    }

    #[test]
    fn what_nobody_did_is_found_in_a_claimed_area_and_only_there() {
        let mut lines = lines(&[1]);
        let events = [touched(1), touched(1)];
        assert_eq!(
            only(&[leg("anon-new")], &lines, &events).verdict,
            Verdict::Ok
        );
        lines.push(Line::Claim {
            kind: Kind::AnonNew as u8,
            vpn: 0,
            pages: 4,
        });
        assert_eq!(only(&[leg("anon-new")], &lines, &events).extra, 1);
    }

    #[test]
    fn a_counter_of_the_kernel_may_be_above_what_was_done_and_not_below() {
        for (rose, bad) in [(1, false), (50, false), (0, true)] {
            let mut lines = lines(&[1]);
            lines.push(Line::Counter {
                leg: "anon-new".to_owned(),
                name: "pgfault".to_owned(),
                own: 1,
                rose,
            });
            let report = only(&[leg("anon-new")], &lines, &[touched(1)]);
            assert_eq!(report.verdict.is_bad(), bad);
        }
    }

    #[test]
    fn a_leg_without_a_hook_is_bad_and_one_that_this_host_cannot_try_is_not() {
        let absent = LegStatus {
            attached: false,
            reasons: vec!["no function f".to_owned()],
            ..leg("swap")
        };
        let report = only(&[absent], &[], &[]);
        assert_eq!(report.verdict, Verdict::Absent("no function f".to_owned()));
        assert!(report.verdict.is_bad());
        let why = Line::NotTried {
            leg: "swap".to_owned(),
            why: "no swap".to_owned(),
        };
        assert!(!only(&[leg("swap")], &[why], &[]).verdict.is_bad());
        assert!(only(&[leg("swap")], &[], &[]).verdict.is_bad());
    }

    #[test]
    fn books_that_do_not_balance_are_never_well() {
        let mut leg = leg("anon-new");
        leg.books.seen = 1;
        assert!(only(&[leg], &lines(&[1]), &[touched(1)]).verdict.is_bad());
    }

    #[test]
    fn pages_of_one_call_are_told_together_or_apart() {
        let run = Event {
            kind: Kind::Gup as u8,
            vpn: 5,
            old_pfn: 50,
            pages: 2,
            ..Event::default()
        };
        let facts: Vec<Line> = [(5, 50), (6, 51)]
            .map(|(vpn, pfn)| {
                Line::Fact(Fact {
                    vpn: Some(vpn),
                    old_pfn: Some(pfn),
                    ..Fact::new("gup", Kind::Gup as u8)
                })
            })
            .into();
        assert_eq!(only(&[leg("gup")], &facts, &[run]).verdict, Verdict::Ok);
    }
}
