//! Attaches to everything named on the command line (`--pid N`, `--comm NAME`; nothing: all) and prints events as text,
//! one a line, until it is killed. For looking at the programs without the service: `cargo build --release --example dump`.

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use cowpath_agent::collect::{self, Config};
use cowpath_agent::event::{Drained, Source, Target};

fn main() -> anyhow::Result<()> {
    let mut target = Target::default();
    let mut seconds = 5;
    let mut words = env::args().skip(1);
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match option.as_str() {
            "--pid" => target.pids.push(value.parse()?),
            "--comm" => target.comms.push(value),
            "--seconds" => seconds = value.parse()?,
            _ => anyhow::bail!("no option {option}"),
        }
    }
    let mut collector = collect::open(&Config {
        target,
        ring_bytes: 8 << 20,
    })?;
    eprintln!("attached");
    let mut out = io::stdout().lock();
    let mut drained = Drained::default();
    for _ in 0..seconds * 50 {
        std::thread::sleep(Duration::from_millis(20));
        collector.drain(&mut drained)?;
        for process in drained.processes.drain(..) {
            writeln!(out, "{process:?}")?;
        }
        for stack in drained.stacks.drain(..) {
            writeln!(out, "{stack:?}")?;
        }
        for event in drained.events.drain(..) {
            writeln!(out, "{event:?}")?;
        }
    }
    for leg in collector.legs() {
        writeln!(out, "{leg:?}")?;
    }
    Ok(())
}
