//! The command line of `doctor`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::{can_trace, examine, to_json, to_text};
use crate::cli::report;
use crate::failure::{Exit, Failure};
use crate::verify;

const EXIT_STATUSES: &str = "\
Exit statuses:
  0  this host can be traced; with --verify: every leg that can be tried here tells what happens
  1  with --verify: a leg is absent or does not tell what happens
  2  wrong command line
  3  this host does not let us trace";

#[derive(Args)]
#[command(after_help = EXIT_STATUSES)]
pub struct DoctorArgs {
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,

    /// Attaches the legs to a child process of its own that does a little of everything, and compares what they tell with
    /// what it did and with the kernel's counters. Takes up to half a minute. KSM is switched on for a part of
    /// it, and khugepaged made to look more often; both are left as they were.
    #[arg(long)]
    verify: bool,

    /// That child.
    #[arg(long, hide = true)]
    subject: bool,
}

impl DoctorArgs {
    pub fn run(self) -> ExitCode {
        if self.subject {
            let ended = verify::subject::run();
            return ended.map_or(Exit::Broken.into(), |()| ExitCode::SUCCESS);
        }
        if self.verify {
            return self.verify();
        }
        let checks = examine();
        say(&if self.json {
            to_json(&checks)
        } else {
            to_text(&checks)
        });
        if can_trace(&checks) {
            ExitCode::SUCCESS
        } else {
            Exit::CannotTrace.into()
        }
    }

    fn verify(&self) -> ExitCode {
        let found = match verify::verify() {
            Ok(found) => found,
            Err(error) => return report(&Failure::new(Exit::CannotTrace, format!("{error:#}"))),
        };
        say(&if self.json {
            found.to_json()
        } else {
            found.to_text()
        });
        if found.is_ok() {
            ExitCode::SUCCESS
        } else {
            Exit::Broken.into()
        }
    }
}

/// A reader that went away wants no more.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
