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
/// The same where nothing says that there is somebody to be found: for whom there was no room, say.
const ANYWAY: Duration = Duration::from_secs(10);
/// `WHY_OWN` of agent/bpf/target.bpf.h.
const OWN: u64 = 1;
/// As many as the maps `targets`, `tgids` and `wanted_tgids` hold.
const MOST_PROCESSES: usize = 65_536;
/// As many as the map `wanted_cgroups` holds.
const MOST_CGROUPS: usize = 16_384;

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
    /// Clients that filter for something: the same bits.
    clients: u64,
    next: Instant,
    /// When it looks although no task took a wanted comm.
    anyway: Instant,
    /// How many tasks had taken one when it looked last; `None`: nobody counts them.
    renames: Option<u64>,
    /// Inodes in the map `wanted_cgroups`.
    cgroups: HashSet<u64>,
    /// Who was found to be a target when we looked last, in order: asking the kernel again for each takes long in a crowd.
    members: Vec<u32>,
    warned: bool,
}

impl Seeder {
    /// # Errors
    /// The kernel refused a map update or the task iterator; or all processes that were asked for are gone.
    pub fn begin(
        object: &Object,
        link: Link,
        counts_renames: bool,
        wanted: Wanted,
    ) -> Result<Self> {
        let comms = map_named(object, "wanted_comms")?;
        for comm in &wanted.comms {
            comms
                .update(comm, &OWN.to_ne_bytes(), MapFlags::ANY)
                .context("too many --comm: at most 2048")?;
        }
        let mut seeder = Self {
            link,
            by_comm: wanted.comms.iter().map(|&comm| (comm, OWN)).collect(),
            wanted,
            clients: 0,
            next: Instant::now() + AGAIN,
            anyway: Instant::now() + ANYWAY,
            renames: counts_renames.then_some(0),
            cgroups: HashSet::new(),
            members: Vec::new(),
            warned: false,
        };
        let tgids = seeder.wanted.tgids.clone();
        seeder.look(object, &tgids, OWN)?;
        seeder.miss(&unknown(object, tgids)?)?;
        Ok(seeder)
    }

    /// Who was there when it was asked for may have ended while we attached; and a thread has no memory of its own.
    fn miss(&self, gone: &[u32]) -> Result<()> {
        let Wanted {
            tgids,
            comms,
            cgroups,
            on_demand,
        } = &self.wanted;
        for tgid in gone {
            warn(&format!(
                "process {tgid} is not traced: it ended while we attached, or has no memory of its own, as threads"
            ));
        }
        let is_all = comms.is_empty() && cgroups.is_empty() && !on_demand;
        if is_all && !gone.is_empty() && gone.len() == tgids.len() {
            bail!(
                "nothing is left to trace: every process that was asked for ended while we attached, or is a thread. See ps -e, \
                 or trace by --comm or --cgroup"
            );
        }
        Ok(())
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
        let is_nothing = target.pids.is_empty() && target.comms.is_empty();
        self.clients = if is_nothing {
            self.clients & !why
        } else {
            self.clients | why
        };
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

    /// Looks for new members of the target that neither fork nor exec told, once a second. Whether it did.
    ///
    /// # Errors
    /// The kernel refused a map update or the task iterator.
    pub fn look_again(&mut self, object: &Object) -> Result<bool> {
        if self.by_comm.is_empty() && self.wanted.cgroups.is_empty() {
            return Ok(false);
        }
        let now = Instant::now();
        if now < self.next {
            return Ok(false);
        }
        // Nobody tells who is moved into a cgroup.
        if self.wanted.cgroups.is_empty() && now < self.anyway && !self.was_renamed(object)? {
            self.next = now + AGAIN;
            return Ok(false);
        }
        self.look(object, &[], OWN)?;
        // From the end: on a host where a look takes long, most of the time is not spent on looking.
        self.next = Instant::now() + AGAIN;
        self.anyway = Instant::now() + ANYWAY;
        Ok(true)
    }

    /// Whether a task has taken a wanted comm since this was asked last, or may have.
    fn was_renamed(&mut self, object: &Object) -> Result<bool> {
        let Some(before) = self.renames else {
            return Ok(true);
        };
        let count = map_named(object, "renames")?
            .lookup(&0_u32.to_ne_bytes(), MapFlags::ANY)?
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_ne_bytes);
        self.renames = count;
        Ok(count != Some(before))
    }

    /// One pass of the task iterator, for the agent's own target (`OWN`) or for a client's. A tgid is wanted for that pass
    /// only: later it may be another process.
    fn look(&mut self, object: &Object, tgids: &[u32], why: u64) -> Result<()> {
        let is_own = why == OWN;
        let own = self.own_members(object, if is_own { tgids } else { &[] })?;
        let mut new = without(&own, &self.members);
        // Where clients filter, who is known may be known for their sake alone.
        if self.clients == 0 {
            new = unknown(object, new)?;
        }
        if is_own && new.is_empty() && self.by_comm.is_empty() && !self.wanted.is_everything() {
            self.members = own;
            return Ok(());
        }
        let mut wishes: HashMap<u32, u64> = new.iter().map(|&tgid| (tgid, OWN)).collect();
        if !is_own {
            for &tgid in tgids {
                *wishes.entry(tgid).or_default() |= why;
            }
        }
        let wanted = map_named(object, "wanted_tgids")?;
        for (tgid, why) in &wishes {
            wanted.update(&tgid.to_ne_bytes(), &why.to_ne_bytes(), MapFlags::ANY)?;
        }
        run(&self.link)?;
        for tgid in wishes.keys() {
            wanted.delete(&tgid.to_ne_bytes())?;
        }
        self.members = without(&own, &unknown(object, new)?);
        Ok(())
    }

    /// These, and who is in a wanted cgroup now; in order, each once, no more than the maps hold.
    fn own_members(&mut self, object: &Object, tgids: &[u32]) -> Result<Vec<u32>> {
        let mut own = tgids.to_vec();
        let folders = self.folders();
        self.want_cgroups(object, &folders)?;
        for folder in &folders {
            let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            own.extend(members.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        own.sort_unstable();
        own.dedup();
        if own.len() > MOST_PROCESSES {
            self.warn_once(&format!(
                "{} processes are asked for: {MOST_PROCESSES} are traced, the others when they exec, where there is room",
                own.len()
            ));
            own.truncate(MOST_PROCESSES);
        }
        Ok(own)
    }

    /// The cgroups that are asked for, and those below them, as they are now.
    fn folders(&mut self) -> Vec<PathBuf> {
        let roots = self.wanted.cgroups.iter();
        let mut folders: Vec<PathBuf> = roots.flat_map(|root| with_descendants(root)).collect();
        if folders.len() > MOST_CGROUPS {
            self.warn_once(&format!(
                "more than {MOST_CGROUPS} cgroups are asked for: of the others nothing is traced"
            ));
            folders.truncate(MOST_CGROUPS);
        }
        folders
    }

    /// Who execs in one of them is a target at once. Those that were deleted make room.
    fn want_cgroups(&mut self, object: &Object, folders: &[PathBuf]) -> Result<()> {
        let map = map_named(object, "wanted_cgroups")?;
        let inodes = folders
            .iter()
            .filter_map(|folder| fs::metadata(folder).ok());
        let now: HashSet<u64> = inodes.map(|meta| meta.ino()).collect();
        for gone in self.cgroups.difference(&now) {
            map.delete(&gone.to_ne_bytes())?;
        }
        for new in now.difference(&self.cgroups) {
            map.update(&new.to_ne_bytes(), &[1], MapFlags::ANY)?;
        }
        self.cgroups = now;
        Ok(())
    }

    fn warn_once(&mut self, words: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            warn(words);
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

/// Those of the one that are not in the other; both are in order.
fn without(tgids: &[u32], others: &[u32]) -> Vec<u32> {
    let is_new = |tgid: &&u32| others.binary_search(tgid).is_err();
    tgids.iter().filter(is_new).copied().collect()
}

/// Those that are no targets yet.
fn unknown(object: &Object, mut tgids: Vec<u32>) -> Result<Vec<u32>> {
    let known = map_named(object, "tgids")?;
    let is_known = |tgid: &u32| {
        matches!(
            known.lookup(&tgid.to_ne_bytes(), MapFlags::ANY),
            Ok(Some(_))
        )
    };
    tgids.retain(|tgid| !is_known(tgid));
    Ok(tgids)
}

fn warn(words: &str) {
    eprintln!("cowpath-agent: {words}");
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
        if found.len() > MOST_CGROUPS {
            break;
        }
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
    fn of_a_crowd_only_who_is_new_is_asked_for() {
        let crowd: Vec<u32> = (1..=100_000).collect();
        let known: Vec<u32> = (1..=100_000).filter(|tgid| tgid % 40_000 != 7).collect();
        assert_eq!(without(&crowd, &known), [7, 40_007, 80_007]);
        assert_eq!(without(&crowd, &crowd), [0; 0]);
    }

    #[test]
    fn a_cgroup_that_was_deleted_has_no_descendants_and_breaks_nothing() {
        let root = tempfile::tempdir().unwrap();
        let gone = root.path().join("gone");
        assert_eq!(with_descendants(&gone), [gone]);
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
