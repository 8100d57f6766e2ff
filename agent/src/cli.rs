//! The command line.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand};

use crate::collect;
use crate::doctor::DoctorArgs;
use crate::event::{Source, Stacks, Target};
use crate::failure::{Exit, Failure};
use crate::opener;
use crate::serve::synthetic::{self, Synthetic};
use crate::serve::{self, Address, Listener};
use crate::service_manager;

const EXIT_STATUSES: &str = "\
Exit statuses:
  0  ended by SIGTERM or SIGINT, everything delivered
  1  broke off while serving
  2  wrong command line
  3  this host does not let us trace
  4  the address is taken or refused";

/// No command at all: the answer is the help.
const MISSING: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
const DEFAULT_LISTEN: &str = "unix:///run/cowpath/agent.sock";

/// Streams what fork, copy-on-write and page pins do to memory on this host.
#[derive(Parser)]
#[command(name = "cowpath-agent", version, after_help = EXIT_STATUSES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Traces, and serves the events over gRPC until a signal comes.
    Serve(ServeArgs),
    /// Says what works on this host, and what to do about the rest. Changes nothing; exit status 3: cannot trace.
    Doctor(DoctorArgs),
    /// The child of `serve` that opens files for it.
    #[command(name = opener::COMMAND, hide = true)]
    OpenFiles,
}

#[derive(Args)]
#[command(after_help = EXIT_STATUSES)]
struct ServeArgs {
    /// unix:///PATH or tcp://127.0.0.1:PORT. A unix socket is for root, this user and the group of the socket; TCP has no
    /// such check, and only loopback is allowed.
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: Address,

    /// Traces this process and its children. May be repeated; without --pid, --comm and --cgroup all is traced.
    #[arg(long = "pid", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pids: Vec<u32>,

    /// Traces processes whose comm is exactly this, at most 15 bytes. May be repeated.
    #[arg(long = "comm", value_name = "NAME", value_parser = parse_comm)]
    comms: Vec<String>,

    /// Traces processes in this cgroup v2 and below it; a path below /sys/fs/cgroup. May be repeated.
    #[arg(long = "cgroup", value_name = "PATH")]
    cgroups: Vec<String>,

    /// Without --pid, --comm and --cgroup traces nothing by itself, but what clients filter for while they are connected.
    #[arg(long)]
    on_demand: bool,

    /// Size of the kernel's ring buffer: a power of two. K, M and G are understood.
    #[arg(long, value_name = "BYTES", default_value = "8M", value_parser = parse_ring)]
    ring: u64,

    /// Events that one process may send in a second; what is above is counted as throttled. 0: any number.
    #[arg(long, value_name = "EVENTS_PER_S", default_value_t = 0)]
    throttle: u32,

    /// Counts what every process does, target or not, for `cowpath counters`.
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = parse_switch)]
    counters: bool,

    /// Whose call stacks are taken with what has a cause worth naming. kernel: who takes references and who splits huge
    /// pages; user: the code that did that, that copied or write-protected, by frame pointers; none: nothing is unwound.
    /// Clients may ask for more.
    #[arg(long, value_name = "none|kernel|user|both", default_value = "kernel", value_parser = parse_stacks)]
    stacks: Stacks,

    /// Tells the history of one page in N, the whole of it: pages are chosen by their number, the same in parent and child.
    /// What is about ranges, huge pages, processes and address spaces is told of all.
    #[arg(long, value_name = "1/N", default_value = "1/1", value_parser = parse_share)]
    pages: u32,

    /// What is kept of the stream for clients that are behind or come back.
    #[arg(long, value_name = "BYTES", default_value = "8M", value_parser = parse_size)]
    replay: u64,

    /// Instead of the kernel: synthetic:RATE[:PAGES[:SEED]], events a second, for tests and benchmarks.
    #[arg(long, value_name = "SOURCE", hide = true)]
    source: Option<synthetic::Config>,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.kind() == MISSING => {
            let _ = error.print();
            return ExitCode::from(Exit::Usage as u8);
        }
        Err(error) if error.use_stderr() => return report(&misuse(&error)),
        Err(help) => {
            // A reader that went away wants no more.
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    match cli.command {
        Command::Serve(args) => {
            serve(args).map_or_else(|failure| report(&failure), |()| ExitCode::SUCCESS)
        }
        Command::Doctor(args) => args.run(),
        // Nobody reads what it would say.
        Command::OpenFiles => opener::run().map_or(Exit::Broken.into(), |()| ExitCode::SUCCESS),
    }
}

pub(crate) fn report(failure: &Failure) -> ExitCode {
    eprintln!("cowpath-agent: {failure}");
    failure.exit_code()
}

/// clap tells over several lines what is wrong; the first holds it.
fn misuse(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    Failure::new(Exit::Usage, format!("{line}. See cowpath-agent --help"))
}

fn serve(args: ServeArgs) -> Result<(), Failure> {
    // Before anything is attached: a taken address is the commonest mistake.
    let listener = serve::bind(&args.listen)?;
    let target = Target {
        pids: args.pids,
        comms: args.comms,
        cgroups: args.cgroups,
    };
    let source = match args.source {
        Some(config) => Box::new(Synthetic::new(config, args.ring)) as Box<dyn Source>,
        None => open(&collect::Config {
            target: target.clone(),
            ring_bytes: u32::try_from(args.ring).unwrap_or(u32::MAX),
            throttle: args.throttle,
            counters: args.counters,
            on_demand: args.on_demand,
            stacks: args.stacks,
            one_page_in: args.pages,
        })?,
    };
    serve::drop_all_but_reading()
        .map_err(|error| Failure::new(Exit::Broken, format!("cannot drop privileges: {error}")))?;
    let listening = match &listener {
        Listener::Unix(..) => args.listen.to_string(),
        Listener::Tcp(listener) => listener.local_addr().map_or_else(
            |_| args.listen.to_string(),
            |address| Address::Tcp(address).to_string(),
        ),
    };
    eprintln!("cowpath-agent: serving on {listening}");
    service_manager::serving(&listening);
    let replay_bytes = usize::try_from(args.replay).unwrap_or(usize::MAX);
    serve::serve(
        &serve::Config {
            target,
            on_demand: args.on_demand,
            replay_bytes,
            stacks: args.stacks,
            one_page_in: args.pages,
        },
        source,
        listener,
    )
}

/// Attaches.
fn open(config: &collect::Config) -> Result<Box<dyn Source>, Failure> {
    let collector = collect::open(config)
        .map_err(|error| Failure::new(Exit::CannotTrace, format!("{error:#}")))?;
    Ok(Box::new(collector))
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}

fn parse_stacks(text: &str) -> Result<Stacks, String> {
    let (kernel, user) = match text {
        "none" => (false, false),
        "kernel" => (true, false),
        "user" => (false, true),
        "both" => (true, true),
        _ => return Err("write none, kernel, user or both".to_owned()),
    };
    Ok(Stacks { kernel, user })
}

fn parse_share(text: &str) -> Result<u32, String> {
    let share = text.strip_prefix("1/").and_then(|n| n.parse().ok());
    share
        .filter(|n| (1..=1 << 20).contains(n))
        .ok_or_else(|| "write 1/N, with N from 1 to 1048576".to_owned())
}

fn parse_comm(text: &str) -> Result<String, String> {
    match text.len() {
        1..=15 => Ok(text.to_owned()),
        _ => Err("a comm has 1 to 15 bytes, as `ps -o comm` shows it".to_owned()),
    }
}

fn parse_ring(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if !size.is_power_of_two() || !(4096..=1 << 30).contains(&size) {
        return Err("a ring buffer is a power of two from 4K to 1G".to_owned());
    }
    Ok(size)
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "not a size. Write 8M, 512K or a number of bytes".to_owned())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(args: &[&str]) -> String {
        let args = ["cowpath-agent", "serve"].iter().chain(args);
        Cli::try_parse_from(args).map_or_else(
            |error| misuse(&error).to_string(),
            |_| "accepted".to_owned(),
        )
    }

    #[test]
    fn a_wrong_command_line_is_one_line_that_says_why() {
        for (args, why) in [
            (
                ["--listen", "tcp://10.0.0.1:1"],
                "can be reached from outside",
            ),
            (["--pid", "0"], "--pid"),
            (["--comm", "more than fifteen"], "1 to 15 bytes"),
            (["--ring", "5000"], "power of two"),
            (["--replay", "much"], "not a size"),
            (["--replay", "99999999999G"], "too large"),
            (["--source", "kernel"], "synthetic:RATE"),
            (["--counters", "maybe"], "on or off"),
            (["--stacks", "all"], "none, kernel, user or both"),
            (["--pages", "2/3"], "1/N"),
            (["--pages", "1/0"], "1/N"),
        ] {
            let words = refusal(&args);
            assert!(words.contains(why) && !words.contains('\n'), "{words}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("64K"), Ok(64 << 10));
        assert_eq!(parse_size("8m"), Ok(8 << 20));
        assert_eq!(parse_size("123"), Ok(123));
    }
}
