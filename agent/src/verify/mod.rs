//! `cowpath-agent doctor --verify`: whether the legs tell what really happens on this host.
//!
//! A child of ours (`subject`) does a little of everything, looks at its own memory in /proc, and says what it did. The
//! legs are attached to it alone. What they told is compared with that, and with the kernel's own counters.

mod fact;
mod judge;
mod knob;
mod memory;
mod report;
mod steps;
pub mod subject;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::collect::{self, Collector, Config};
use crate::event::{Drained, Event, Source, Stacks, Target};
use fact::Line;
pub use report::Report;

const RING_BYTES: u32 = 8 << 20;
const BETWEEN_DRAINS: Duration = Duration::from_millis(10);
/// KSM and khugepaged may take 10 s each; emulation is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the self-test and judges every leg.
///
/// # Errors
/// One line: this host does not let us trace, or the self-test could not be run.
pub fn verify() -> Result<Report> {
    let mut subject = Running::start()?;
    let tgid = subject.child.id();
    let mut collector = collect::open(&Config {
        target: Target {
            pids: vec![tgid],
            ..Target::default()
        },
        ring_bytes: RING_BYTES,
        throttle: 0,
        counters: true,
        on_demand: false,
        stacks: Stacks {
            kernel: true,
            user: false,
        },
        one_page_in: 1,
    })?;
    let mut events = Vec::new();
    let lines = subject.run(&mut collector, &mut events)?;
    // What is held back for sorting comes with the drains after.
    for _ in 0..3 {
        thread::sleep(BETWEEN_DRAINS);
        drain(&mut collector, &mut events)?;
    }
    collector.detach();
    while drain(&mut collector, &mut events)? {}
    let legs = judge::judge(&collector.legs(), tgid, &lines, &events);
    Ok(Report { legs })
}

/// Whether anything came.
fn drain(collector: &mut Collector, events: &mut Vec<Event>) -> Result<bool> {
    let mut drained = Drained::default();
    collector.drain(&mut drained)?;
    let came = !drained.events.is_empty() || !drained.processes.is_empty();
    events.append(&mut drained.events);
    Ok(came)
}

/// The subject, ended however we end.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start() -> Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .args(["doctor", "--subject"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the self-test cannot be started")?;
        let out = child.stdout.take();
        let (send, lines) = channel();
        let read = move |out: ChildStdout| {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        };
        if let Some(out) = out {
            thread::spawn(move || read(out));
        }
        Ok(Self { child, lines })
    }

    /// Lets it go, drains while it works, and gives back what it said.
    fn run(&mut self, collector: &mut Collector, events: &mut Vec<Event>) -> Result<Vec<Line>> {
        let mut said = Vec::new();
        if let Some(mut to_subject) = self.child.stdin.take() {
            to_subject
                .write_all(b"go\n")
                .context("the self-test ended before its start")?;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(BETWEEN_DRAINS) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    drain(collector, events)?;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() > until {
                bail!(
                    "the self-test does not end within {} s: try again when this host has less to do",
                    PATIENCE.as_secs()
                );
            }
        }
        let status = self.child.wait().context("the self-test is gone")?;
        if !status.success() {
            bail!(
                "the self-test broke off ({status}): please report this with the kernel's release"
            );
        }
        said.iter()
            .map(|line| match line.parse() {
                Ok(line) => Ok(line),
                Err(()) => bail!("the self-test said what nobody understands: {line}"),
            })
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
