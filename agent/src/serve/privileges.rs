//! Gives up what is only needed to attach.

use rustix::io;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Reading maps and books of programs that are already attached.
const KEPT: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);
/// Looking at other processes: /proc/PID of anybody, frames in pagemap (CAP_SYS_ADMIN alone), the files that are mapped
/// (either of CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE: fs/proc/base.c, proc_map_files_get_link(), since 5.9).
const LOOKING: CapabilitySet = CapabilitySet::SYS_PTRACE
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::CHECKPOINT_RESTORE)
    .union(CapabilitySet::DAC_READ_SEARCH);

/// Drops every capability but CAP_BPF and CAP_PERFMON, for good, and hides memory from ptrace and core dumps.
///
/// Capabilities belong to a thread: call it before any other is started.
///
/// # Errors
/// The kernel refused; the process has then more privilege than it should.
pub fn drop_all_but_reading() -> io::Result<()> {
    keep(KEPT)
}

/// The same for the child that opens files of other processes, see `opener`: it keeps what that takes, and no more.
///
/// # Errors
/// As above.
pub fn keep_looking() -> io::Result<()> {
    keep(LOOKING)
}

fn keep(wanted: CapabilitySet) -> io::Result<()> {
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;

    let held = capabilities(None)?;
    // Only who may change the bounding set has to: without privilege nothing comes back through it.
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for capability in (CapabilitySet::all() - wanted).iter() {
            // EINVAL: newer than this kernel.
            let _ = remove_capability_from_bounding_set(capability);
        }
        clear_ambient_capability_set()?;
    }
    let kept = held.permitted & wanted;
    set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )
}
