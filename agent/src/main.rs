//! `cowpath-agent`: see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cowpath_agent::cli::run()
}
