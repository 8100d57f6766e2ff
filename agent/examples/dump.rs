//! Attaches to everything named on the command line (`--pid N`, `--comm NAME`; nothing: all) and prints events as text,
//! one a line, until it is killed. For looking at the programs without the service: `cargo build --release --example dump`.

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use cowpath_agent::collect::{self, Config};
use cowpath_agent::event::{Drained, Source, Stacks, Target};

fn main() -> anyhow::Result<()> {
    let mut target = Target::default();
    let mut seconds = 5;
    let mut ring_bytes = 8 << 20;
    let mut throttle = 0;
    let mut one_page_in = 1;
    let mut stacks = Stacks {
        kernel: true,
        user: false,
    };
    let mut words = env::args().skip(1);
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match option.as_str() {
            "--pid" => target.pids.push(value.parse()?),
            "--comm" => target.comms.push(value),
            "--seconds" => seconds = value.parse()?,
            "--ring" => ring_bytes = value.parse()?,
            "--throttle" => throttle = value.parse()?,
            "--pages" => one_page_in = value.parse()?,
            "--user-stacks" => stacks.user = value == "on",
            _ => anyhow::bail!("no option {option}"),
        }
    }
    let mut collector = collect::open(&Config {
        target,
        ring_bytes,
        throttle,
        counters: false,
        on_demand: false,
        stacks,
        one_page_in,
    })?;
    eprintln!("attached");
    collector.listened();
    let mut out = io::stdout().lock();
    let mut drained = Drained::default();
    let mut left = seconds * 50;
    loop {
        collector.drain(&mut drained)?;
        if left == 0 && drained.events.is_empty() && drained.processes.is_empty() {
            break;
        }
        for process in drained.processes.drain(..) {
            writeln!(out, "{process:?}")?;
        }
        for stack in drained.stacks.drain(..) {
            writeln!(out, "{stack:?}")?;
        }
        for event in drained.events.drain(..) {
            writeln!(out, "{event:?}")?;
        }
        if left > 0 {
            std::thread::sleep(Duration::from_millis(20));
            left -= 1;
            if left == 0 {
                collector.detach();
            }
        }
    }
    let legs = collector.legs();
    for leg in &legs {
        writeln!(out, "{leg:?}")?;
    }
    for (cpu, books) in collector.books_by_cpu().iter().enumerate() {
        for (leg, books) in legs.iter().zip(books) {
            let verdict = if books.balances() {
                "balances"
            } else {
                "DOES NOT BALANCE"
            };
            writeln!(out, "cpu {cpu} {} {verdict}: {books:?}", leg.name)?;
        }
    }
    Ok(())
}
