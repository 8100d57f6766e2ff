//! How the agent says that it cannot go on: one line, and an exit status.

use std::fmt;
use std::process::ExitCode;

/// Exit statuses, as documented in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something broke while it ran.
    Broken = 1,
    /// The command line asks for something that cannot be.
    Usage = 2,
    /// This host does not let us trace.
    CannotTrace = 3,
    /// The address is taken or refused.
    Address = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// One line: what happened, why, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    words: String,
}

impl Failure {
    pub fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self {
            exit,
            words: words.into(),
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever words a library chose: one line.
        let line: Vec<&str> = self
            .words
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        f.write_str(&line.join(" "))
    }
}

impl std::error::Error for Failure {}
