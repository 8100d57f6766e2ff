//! On which devices files may be read without waiting for anybody: /proc/PID/mountinfo.

use std::collections::HashMap;
use std::io::Read;

/// A device by its numbers, as stat(2) splits them.
pub type Device = (u32, u32);

/// A host with more is read as far.
const MOST_BYTES: u64 = 1 << 20;
/// File systems whose files are another program's or another host's to give: whoever reads waits for them, if they want it
/// for ever. All that begin so.
const ELSEWHERE: [&str; 10] = [
    "fuse", "nfs", "cifs", "smb", "ceph", "9p", "virtiofs", "afs", "coda", "orangefs",
];

/// Each device that is mounted there, and whether its files are here.
pub fn devices_in(file: impl Read) -> HashMap<Device, bool> {
    let mut text = Vec::new();
    // What was read until then is still true.
    let _ = file.take(MOST_BYTES).read_to_end(&mut text);
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(device_in)
        .collect()
}

/// `id parent major:minor root place options [more ..] - type source options`: proc_pid_mountinfo(5).
fn device_in(line: &str) -> Option<(Device, bool)> {
    let (mount, rest) = line.split_once(" - ")?;
    let (major, minor) = mount.split(' ').nth(2)?.split_once(':')?;
    let kind = rest.split(' ').next()?;
    let is_here = !ELSEWHERE.iter().any(|begin| kind.starts_with(begin));
    Some(((major.parse().ok()?, minor.parse().ok()?), is_here))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
36 21 0:33 / /home/a\\040b rw - fuse.sshfs host: rw,user_id=0
37 21 0:34 / /mnt rw shared:2 master:1 - nfs4 host:/ rw
- what is this
";

    #[test]
    fn files_that_another_program_gives_are_not_here() {
        let devices = devices_in(MOUNTS.as_bytes());
        let expected = [((254, 1), true), ((0, 33), false), ((0, 34), false)];
        assert_eq!(devices, HashMap::from(expected));
    }
}
