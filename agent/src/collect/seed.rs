//! Whom to trace: what is asked for, in the programs' maps, and what runs already.

use std::collections::{HashMap, HashSet};
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
/// `WHY_OWN` of agent/bpf/target.bpf.h.
const OWN: u64 = 1;

/// A target whose parts were found on this host.
pub struct Wanted {
    pub tgids: Vec<u32>,
    pub comms: Vec<[u8; 16]>,
    pub cgroups: Vec<PathBuf>,
    /// An empty target is nothing, and not everything.
    pub on_demand: bool,
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
        let comms = target.comms.iter().map(|comm| padded(comm));
        let cgroups = target
            .cgroups
            .iter()
            .map(|path| folder_of(path))
            .collect::<Result<_>>()?;
        Ok(Self {
            tgids: target.pids.clone(),
            comms: comms.collect(),
            cgroups,
            on_demand: false,
        })
    }

    pub fn is_everything(&self) -> bool {
        !self.on_demand && self.tgids.is_empty() && self.comms.is_empty() && self.cgroups.is_empty()
    }
}

/// As the kernel holds it.
fn padded(comm: &str) -> [u8; 16] {
    let mut name = [0; 16];
    for (to, from) in name.iter_mut().take(15).zip(comm.bytes()) {
        *to = from;
    }
    name
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
    /// Who wants each comm: bit 0 the agent's own target, bits 1 to 63 clients.
    by_comm: HashMap<[u8; 16], u64>,
    next: Instant,
}

impl Seeder {
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn begin(object: &Object, link: Link, wanted: Wanted) -> Result<Self> {
        let comms = map_named(object, "wanted_comms")?;
        for comm in &wanted.comms {
            comms
                .update(comm, &OWN.to_ne_bytes(), MapFlags::ANY)
                .context("too many --comm: at most 2048")?;
        }
        let seeder = Self {
            link,
            by_comm: wanted.comms.iter().map(|&comm| (comm, OWN)).collect(),
            wanted,
            next: Instant::now() + AGAIN,
        };
        seeder.look(object, &seeder.wanted.tgids, OWN)?;
        Ok(seeder)
    }

    /// Client `bit` (1 to 63) wants this from now on, and nothing of what it wanted before. Who is a target for nobody
    /// else any more is none. A comm for which there is no room is left out, with a word in the log.
    ///
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn wish(&mut self, object: &Object, bit: u32, target: &Target) -> Result<()> {
        if self.wanted.is_everything() {
            return Ok(());
        }
        let why = 1_u64 << bit;
        let comms: HashSet<_> = target.comms.iter().map(|comm| padded(comm)).collect();
        let map = map_named(object, "wanted_comms")?;
        for (comm, mask) in rewished(&mut self.by_comm, why, &comms) {
            if mask == 0 {
                map.delete(&comm)?;
            } else if let Err(error) = map.update(&comm, &mask.to_ne_bytes(), MapFlags::ANY) {
                eprintln!("cowpath-agent: a client filters for one comm too many: {error}");
                self.by_comm.remove(&comm);
            }
        }
        let revoked = map_named(object, "revoked")?;
        let zero = 0_u32.to_ne_bytes();
        revoked.update(&zero, &why.to_ne_bytes(), MapFlags::ANY)?;
        let looked = self.look(object, &target.pids, why);
        revoked.update(&zero, &0_u64.to_ne_bytes(), MapFlags::ANY)?;
        looked
    }

    /// Looks for new members of the target that neither fork nor exec told, once a second.
    ///
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn look_again(&mut self, object: &Object) -> Result<()> {
        if self.by_comm.is_empty() && self.wanted.cgroups.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + AGAIN;
        self.look(object, &[], OWN)
    }

    /// One pass of the task iterator. A tgid is wanted for that pass only: later it may be another process.
    fn look(&self, object: &Object, tgids: &[u32], why: u64) -> Result<()> {
        let mut tgids: Vec<(u32, u64)> = tgids.iter().map(|&tgid| (tgid, why)).collect();
        let cgroups = map_named(object, "wanted_cgroups")?;
        for root in &self.wanted.cgroups {
            for folder in with_descendants(root) {
                if let Ok(meta) = fs::metadata(&folder) {
                    cgroups.update(&meta.ino().to_ne_bytes(), &[1], MapFlags::ANY)?;
                }
                let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
                let members = members.lines().filter_map(|line| line.parse().ok());
                tgids.extend(members.map(|tgid| (tgid, OWN)));
            }
        }
        // Whom both want is there once, with both bits.
        tgids.sort_unstable();
        tgids.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 |= later.1;
            }
            same
        });
        let wanted = map_named(object, "wanted_tgids")?;
        // In rounds of what the map holds.
        let mut rounds = tgids.chunks(1024);
        loop {
            let round = rounds.next().unwrap_or_default();
            for (tgid, why) in round {
                wanted.update(&tgid.to_ne_bytes(), &why.to_ne_bytes(), MapFlags::ANY)?;
            }
            run(&self.link)?;
            for (tgid, _) in round {
                wanted.delete(&tgid.to_ne_bytes())?;
            }
            if rounds.len() == 0 {
                return Ok(());
            }
        }
    }
}

/// Gives these comms, and no others, the bit `why`. Those whose mask has changed, with it; 0: nobody wants it.
fn rewished(
    by_comm: &mut HashMap<[u8; 16], u64>,
    why: u64,
    comms: &HashSet<[u8; 16]>,
) -> Vec<([u8; 16], u64)> {
    let mut changed = Vec::new();
    for &comm in comms {
        let mask = by_comm.entry(comm).or_default();
        if *mask & why == 0 {
            *mask |= why;
            changed.push((comm, *mask));
        }
    }
    by_comm.retain(|comm, mask| {
        if *mask & why != 0 && !comms.contains(comm) {
            *mask &= !why;
            changed.push((*comm, *mask));
        }
        *mask != 0
    });
    changed
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
    fn a_comm_is_wanted_until_the_last_who_wants_it_does_not() {
        let [redis, fio] = ["redis", "fio"].map(padded);
        let mut by_comm = HashMap::from([(redis, OWN)]);
        let wishes = [
            (2, vec![redis, fio], vec![(redis, 3), (fio, 2)]),
            (4, vec![fio], vec![(fio, 6)]),
            (2, vec![], vec![(redis, 1), (fio, 4)]),
            (4, vec![fio], vec![]),
            (4, vec![], vec![(fio, 0)]),
        ];
        for (why, comms, told) in wishes {
            let changed = rewished(&mut by_comm, why, &comms.into_iter().collect());
            assert_eq!(
                changed.into_iter().collect::<HashMap<_, _>>(),
                told.into_iter().collect()
            );
        }
        assert_eq!(by_comm, HashMap::from([(redis, OWN)]));
    }

    #[test]
    fn descendants_are_found_at_every_depth() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(with_descendants(root.path()).len(), 3);
    }
}
