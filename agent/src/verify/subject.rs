//! The process that is looked at while `doctor --verify` runs: this program again, as its own child.
//!
//! It waits for one line on stdin, so that the legs are attached before its first step, and tells what it did on stdout.

use std::io::{self, BufRead, Write};

use crate::verify::steps::{Subject, faults, huge, identity, pins, protection};

/// Runs all steps. A step that breaks off costs its own legs only: they miss the facts.
///
/// # Errors
/// Whoever listens went away, or /proc is not there.
pub fn run() -> io::Result<()> {
    stay_on_one_cpu()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    let mut subject = Subject::new(&mut out)?;
    for (name, step) in STEPS {
        if let Err(error) = step(&mut subject) {
            subject.broke_off(name, &error)?;
        }
    }
    out.flush()
}

type Step = fn(&mut Subject) -> io::Result<()>;

/// With threads last: what forks has one.
const STEPS: [(&str, Step); 5] = [
    ("faults", faults::run),
    ("pins", pins::run),
    ("huge", huge::run),
    ("identity", identity::run),
    ("protection", protection::run),
];

/// Lists of pages that a CPU keeps are then ours alone to fill, see `flush_lru_batch`.
fn stay_on_one_cpu() -> io::Result<()> {
    let mut cpus = rustix::thread::CpuSet::new();
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu));
    cpus.set(first.unwrap_or(0));
    rustix::thread::sched_setaffinity(None, &cpus)?;
    Ok(())
}
