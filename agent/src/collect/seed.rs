//! Whom to trace: what is asked for, in the programs' maps, and what runs already.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use libbpf_rs::{Iter, Link, MapCore, MapFlags, Object};

use super::map_named;
use crate::event::Target;

const CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// Between two looks for processes that took a wanted comm, or moved into a wanted cgroup, without fork or exec.
const AGAIN: Duration = Duration::from_secs(1);

/// A target whose parts were found on this host.
pub struct Wanted {
    pub tgids: Vec<u32>,
    pub comms: Vec<[u8; 16]>,
    pub cgroups: Vec<PathBuf>,
}

impl Wanted {
    /// # Errors
    /// One line: a process or a cgroup that is asked for does not exist.
    pub fn resolve(target: &Target) -> Result<Self> {
        for pid in &target.pids {
            if !Path::new(&format!("/proc/{pid}")).exists() {
                bail!("there is no process {pid}: see ps -e");
            }
        }
        let comms = target.comms.iter().map(|comm| {
            let mut name = [0; 16];
            for (to, from) in name.iter_mut().take(15).zip(comm.bytes()) {
                *to = from;
            }
            name
        });
        let cgroups = target
            .cgroups
            .iter()
            .map(|path| folder_of(path))
            .collect::<Result<_>>()?;
        Ok(Self {
            tgids: target.pids.clone(),
            comms: comms.collect(),
            cgroups,
        })
    }

    pub fn is_everything(&self) -> bool {
        self.tgids.is_empty() && self.comms.is_empty() && self.cgroups.is_empty()
    }
}

fn folder_of(cgroup: &str) -> Result<PathBuf> {
    let path = if cgroup.starts_with(CGROUP_ROOT) {
        PathBuf::from(cgroup)
    } else {
        Path::new(CGROUP_ROOT).join(cgroup.trim_start_matches('/'))
    };
    if !path.join("cgroup.procs").exists() {
        bail!(
            "there is no cgroup {}: cgroup v2 paths are below {CGROUP_ROOT}",
            path.display()
        );
    }
    Ok(path)
}

/// Fills the maps, and looks again from time to time where that can find more.
pub struct Seeder {
    link: Link,
    wanted: Wanted,
    next: Instant,
}

impl Seeder {
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn begin(object: &Object, link: Link, wanted: Wanted) -> Result<Self> {
        let comms = map_named(object, "wanted_comms")?;
        for comm in &wanted.comms {
            comms
                .update(comm, &[1], MapFlags::ANY)
                .context("too many --comm: at most 64")?;
        }
        let seeder = Self {
            link,
            wanted,
            next: Instant::now() + AGAIN,
        };
        seeder.look(object, &seeder.wanted.tgids)?;
        Ok(seeder)
    }

    /// Looks for new members of the target that neither fork nor exec told, once a second.
    ///
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn look_again(&mut self, object: &Object) -> Result<()> {
        if self.wanted.comms.is_empty() && self.wanted.cgroups.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + AGAIN;
        self.look(object, &[])
    }

    /// One pass of the task iterator. A tgid is wanted for that pass only: later it may be another process.
    fn look(&self, object: &Object, tgids: &[u32]) -> Result<()> {
        let mut tgids = tgids.to_vec();
        let cgroups = map_named(object, "wanted_cgroups")?;
        for root in &self.wanted.cgroups {
            for folder in with_descendants(root) {
                if let Ok(meta) = fs::metadata(&folder) {
                    cgroups.update(&meta.ino().to_ne_bytes(), &[1], MapFlags::ANY)?;
                }
                let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
                tgids.extend(members.lines().filter_map(|line| line.parse::<u32>().ok()));
            }
        }
        tgids.sort_unstable();
        tgids.dedup();
        let wanted = map_named(object, "wanted_tgids")?;
        // In rounds of what the map holds.
        let mut rounds = tgids.chunks(1024);
        loop {
            let round = rounds.next().unwrap_or_default();
            for tgid in round {
                wanted.update(&tgid.to_ne_bytes(), &[1], MapFlags::ANY)?;
            }
            run(&self.link)?;
            for tgid in round {
                wanted.delete(&tgid.to_ne_bytes())?;
            }
            if rounds.len() == 0 {
                return Ok(());
            }
        }
    }
}

/// Reads the iterator to its end: the program does its work as it is read.
pub fn run(link: &Link) -> Result<()> {
    let mut tasks = Iter::new(link).context("the task iterator cannot be read")?;
    let mut nothing = [0; 64];
    while tasks
        .read(&mut nothing)
        .context("the task iterator cannot be read")?
        > 0
    {}
    Ok(())
}

fn with_descendants(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut at = 0;
    while let Some(folder) = found.get(at) {
        // A cgroup that is gone by now has nobody in it.
        let below = fs::read_dir(folder).into_iter().flatten().flatten();
        let below: Vec<PathBuf> = below
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(below);
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_refused_in_one_line() {
        let no_process = Target {
            pids: vec![4_194_304],
            ..Target::default()
        };
        let no_cgroup = Target {
            cgroups: vec!["no/such".to_owned()],
            ..Target::default()
        };
        for (target, words) in [
            (no_process, "no process 4194304"),
            (no_cgroup, "no cgroup /sys/fs/cgroup/no/such"),
        ] {
            let error = Wanted::resolve(&target)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn descendants_are_found_at_every_depth() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(with_descendants(root.path()).len(), 3);
    }
}
