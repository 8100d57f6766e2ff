//! What the subject did, as it tells its verifier: a line of words a fact.
//!
//! A fact holds only what is exact: an event that tells of it has these columns, and may have others.

use std::fmt;
use std::str::FromStr;

use crate::event::Event;

/// One thing that the subject did, and the event that has to tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// The leg that tells it.
    pub leg: String,
    /// Kind of proto/cowpath/v1/event.proto.
    pub kind: u8,
    pub outcome: Option<u64>,
    pub tgid: Option<u64>,
    pub other_tgid: Option<u64>,
    pub vpn: Option<u64>,
    pub pages: Option<u64>,
    pub old_pfn: Option<u64>,
    pub new_pfn: Option<u64>,
    pub aux: Option<u64>,
}

/// The columns by the names under which they are written.
const COLUMNS: [&str; 8] = [
    "outcome",
    "tgid",
    "other_tgid",
    "vpn",
    "pages",
    "old_pfn",
    "new_pfn",
    "aux",
];

impl Fact {
    pub fn new(leg: &str, kind: u8) -> Self {
        Self {
            leg: leg.to_owned(),
            kind,
            ..Self::default()
        }
    }

    fn column(&mut self, name: &str) -> Option<&mut Option<u64>> {
        Some(match name {
            "outcome" => &mut self.outcome,
            "tgid" => &mut self.tgid,
            "other_tgid" => &mut self.other_tgid,
            "vpn" => &mut self.vpn,
            "pages" => &mut self.pages,
            "old_pfn" => &mut self.old_pfn,
            "new_pfn" => &mut self.new_pfn,
            "aux" => &mut self.aux,
            _ => return None,
        })
    }

    /// Whether this event tells of the fact.
    pub fn is_told_by(&self, event: &Event) -> bool {
        let same = |wanted: Option<u64>, told: u64| wanted.is_none_or(|wanted| wanted == told);
        self.kind == event.kind
            && same(self.outcome, u64::from(event.outcome))
            && same(self.tgid, u64::from(event.tgid))
            && same(self.other_tgid, u64::from(event.other_tgid))
            && same(self.vpn, event.vpn)
            && same(self.pages, u64::from(event.pages))
            && same(self.old_pfn, event.old_pfn)
            && same(self.new_pfn, event.new_pfn)
            && same(self.aux, event.aux)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.leg, self.kind)?;
        let mut fact = self.clone();
        for name in COLUMNS {
            if let Some(Some(value)) = fact.column(name) {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Fact {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split_ascii_whitespace();
        let leg = words.next().ok_or(())?;
        let kind = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        let mut fact = Self::new(leg, kind);
        for word in words {
            let (name, value) = word.split_once('=').ok_or(())?;
            *fact.column(name).ok_or(())? = Some(value.parse().map_err(|_| ())?);
        }
        Ok(fact)
    }
}

/// A line of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Fact(Fact),
    /// All events of this kind about pages of this area are told by facts.
    Claim {
        kind: u8,
        vpn: u64,
        pages: u64,
    },
    /// A counter of /proc/vmstat rose by `rose` while the subject did `own` such things; others may have done more.
    Counter {
        leg: String,
        name: String,
        own: u64,
        rose: u64,
    },
    /// This host does not let the leg be tried, and why.
    NotTried {
        leg: String,
        why: String,
    },
    /// The subject could not do what it meant to: the legs of this step are without facts.
    BrokeOff {
        step: String,
        why: String,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(fact) => write!(f, "fact {fact}"),
            Self::Claim { kind, vpn, pages } => write!(f, "claim {kind} {vpn} {pages}"),
            Self::Counter {
                leg,
                name,
                own,
                rose,
            } => write!(f, "counter {leg} {name} {own} {rose}"),
            Self::NotTried { leg, why } => write!(f, "not-tried {leg} {}", one_line(why)),
            Self::BrokeOff { step, why } => write!(f, "broke-off {step} {}", one_line(why)),
        }
    }
}

fn one_line(words: &str) -> String {
    words.replace(['\n', '\r'], " ")
}

impl FromStr for Line {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (what, rest) = line.split_once(' ').ok_or(())?;
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |word: &str| word.parse::<u64>().map_err(|_| ());
        match (what, words.as_slice()) {
            ("fact", _) => rest.parse().map(Self::Fact),
            ("claim", &[kind, vpn, pages]) => Ok(Self::Claim {
                kind: kind.parse().map_err(|_| ())?,
                vpn: number(vpn)?,
                pages: number(pages)?,
            }),
            ("counter", &[leg, name, own, rose]) => Ok(Self::Counter {
                leg: leg.to_owned(),
                name: name.to_owned(),
                own: number(own)?,
                rose: number(rose)?,
            }),
            ("not-tried" | "broke-off", _) => {
                let (name, why) = rest.split_once(' ').ok_or(())?;
                let (name, why) = (name.to_owned(), why.to_owned());
                Ok(if what == "not-tried" {
                    Self::NotTried { leg: name, why }
                } else {
                    Self::BrokeOff { step: name, why }
                })
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fact_is_told_by_an_event_that_has_its_columns_whatever_others_it_has() {
        let fact = Fact {
            vpn: Some(7),
            new_pfn: Some(9),
            ..Fact::new("anon-new", 10)
        };
        let event = Event {
            kind: 10,
            vpn: 7,
            new_pfn: 9,
            tgid: 3,
            ..Event::default()
        };
        assert!(fact.is_told_by(&event));
        assert!(!fact.is_told_by(&Event { kind: 1, ..event }));
        assert!(!fact.is_told_by(&Event {
            new_pfn: 8,
            ..event
        }));
    }

    #[test]
    fn what_is_no_line_of_the_subject_is_refused() {
        for line in [
            "",
            "fact",
            "fact gup",
            "fact gup x",
            "fact gup 12 vpn",
            "fact gup 12 other=1",
            "claim 1 2",
            "counter gup name 1",
            "not-tried gup",
            "broke-off pins",
        ] {
            assert_eq!(line.parse::<Line>(), Err(()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind in any::<u8>(),
            columns in prop::array::uniform8(prop::option::of(any::<u64>())),
        ) {
            let [outcome, tgid, other_tgid, vpn, pages, old_pfn, new_pfn, aux] = columns;
            let fact = Fact { outcome, tgid, other_tgid, vpn, pages, old_pfn, new_pfn, aux, ..Fact::new("gup", kind) };
            let line = Line::Fact(fact);
            prop_assert_eq!(line.to_string().parse(), Ok(line));
        }

        #[test]
        fn no_line_breaks_the_reader(line in ".*") {
            let _ = line.parse::<Line>();
        }
    }
}
