//! `cowpath-agent doctor`: what works on this host, and what to do about the rest.

mod command;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities};

use crate::collect;
pub use command::DoctorArgs;

/// One thing that tracing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    /// Whether tracing can go on as far as this is concerned.
    pub ok: bool,
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
}

impl Check {
    pub fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            found: found.into(),
            remedy: String::new(),
        }
    }

    /// Worth saying, and no obstacle.
    pub fn note(name: &'static str, found: impl Into<String>) -> Self {
        Self::good(name, found)
    }

    pub fn bad(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            ok: false,
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

/// Looks at this host. Changes nothing.
pub fn examine() -> Vec<Check> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut checks = vec![
        kernel(read("/proc/sys/kernel/osrelease").trim_end()),
        privilege(capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)),
        btf(Path::new("/sys/kernel/btf/vmlinux").exists()),
        lockdown(read("/sys/kernel/security/lockdown").trim_end()),
        socket(Path::new("/run/cowpath/agent.sock")),
    ];
    // Without these the kernel's own words would only repeat them.
    if can_trace(&checks) {
        checks.extend(collect::preflight());
    }
    checks
}

/// For people: a line a check.
pub fn to_text(checks: &[Check]) -> String {
    let lines = checks.iter().map(|check| {
        let mark = if check.ok { "ok " } else { "NO " };
        let remedy = if check.remedy.is_empty() {
            String::new()
        } else {
            format!(". {}", check.remedy)
        };
        format!(
            "{mark} {:<10} {}{remedy}\n",
            check.name,
            printable(&check.found)
        )
    });
    lines.collect()
}

/// For programs: `{"ok":bool,"checks":[{"name","ok","found","remedy"}]}`.
pub fn to_json(checks: &[Check]) -> String {
    let all: Vec<String> = checks
        .iter()
        .map(
            |Check {
                 name,
                 ok,
                 found,
                 remedy,
             }| {
                let (name, found, remedy) = (quote(name), quote(found), quote(remedy));
                format!(r#"{{"name":{name},"ok":{ok},"found":{found},"remedy":{remedy}}}"#)
            },
        )
        .collect();
    format!(
        "{{\"ok\":{},\"checks\":[{}]}}\n",
        can_trace(checks),
        all.join(",")
    )
}

pub fn can_trace(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.ok)
}

fn kernel(release: &str) -> Check {
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= (5, 10) => {
            Check::good("kernel", format!("Linux {release}"))
        }
        _ => Check::bad(
            "kernel",
            format!("Linux {release}"),
            "Boot Linux 5.10 or later, or trace in the lab: cowpath lab",
        ),
    }
}

fn privilege(effective: CapabilitySet) -> Check {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    if effective.contains(needed) {
        return Check::good("privilege", "CAP_BPF and CAP_PERFMON");
    }
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Check::good("privilege", "CAP_SYS_ADMIN");
    }
    Check::bad(
        "privilege",
        "neither CAP_BPF with CAP_PERFMON nor CAP_SYS_ADMIN",
        "Run as root: sudo cowpath-agent",
    )
}

fn btf(there: bool) -> Check {
    if there {
        return Check::good("btf", "/sys/kernel/btf/vmlinux");
    }
    let remedy = "Boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or trace in the lab: cowpath lab";
    Check::bad("btf", "no /sys/kernel/btf/vmlinux", remedy)
}

/// The state in brackets holds (Documentation of kernel_lockdown(7)); no file: the kernel has no lockdown.
fn lockdown(states: &str) -> Check {
    let state = states.split(['[', ']']).nth(1).unwrap_or("none");
    if state == "confidentiality" {
        let remedy = "Boot without lockdown=confidentiality, or trace in the lab: cowpath lab";
        return Check::bad(
            "lockdown",
            "confidentiality: BPF may not read kernel memory",
            remedy,
        );
    }
    Check::good("lockdown", state)
}

fn socket(path: &Path) -> Check {
    let name = path.display();
    match UnixStream::connect(path) {
        Ok(_) => Check::good("socket", format!("an agent serves on {name}")),
        Err(error) => Check::good("socket", format!("no agent on {name} ({error})")),
    }
}

/// Nothing from outside reaches a terminal as a control character.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { '?' } else { char })
        .collect()
}

/// As a JSON string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_5_10_are_refused() {
        for (release, ok) in [
            ("5.10.0-46-amd64", true),
            ("6.1.0", true),
            ("7.2", true),
            ("5.9.1", false),
            ("4.19.0-rc1", false),
            ("", false),
        ] {
            assert_eq!(kernel(release).ok, ok, "{release}");
        }
    }

    #[test]
    fn only_confidentiality_forbids_tracing() {
        assert!(!lockdown("none integrity [confidentiality]").ok);
        assert!(lockdown("none [integrity] confidentiality").ok);
        assert!(lockdown("").ok);
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for check in [
            kernel(""),
            privilege(CapabilitySet::empty()),
            btf(false),
            lockdown("[confidentiality]"),
        ] {
            assert!(!check.ok && !check.remedy.is_empty(), "{check:?}");
        }
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes_and_off_the_terminal() {
        let check = Check::bad("kernel", "a\"\\\n\u{1b}[2J", "");
        assert_eq!(
            to_json(std::slice::from_ref(&check)),
            "{\"ok\":false,\"checks\":[{\"name\":\"kernel\",\"ok\":false,\"found\":\"a\\\"\\\\\\u000a\\u001b[2J\",\"remedy\":\"\"}]}\n"
        );
        assert_eq!(to_text(&[check]), "NO  kernel     a\"\\??[2J\n");
    }
}
