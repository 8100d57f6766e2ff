//! Who may talk to the agent through the unix socket.
//!
//! The socket's mode already keeps others out; the credentials are checked as well, so that neither a changed mode nor a
//! descriptor that was passed on opens the agent to anybody else.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;
use tokio::net::UnixStream;

/// More groups than this are not looked at.
const MAX_GROUPS: usize = 1024;

/// Lets in root, the agent's own user, and members of the socket's group.
///
/// # Errors
/// Says who was refused and why, or that the credentials could not be read.
pub fn check(stream: &UnixStream, socket: &Path) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    if peer.uid() == 0 || peer.uid() == geteuid().as_raw() {
        return Ok(());
    }
    let group = fs::symlink_metadata(socket)?.gid();
    let member = peer.gid() == group || groups(stream.as_fd())?.contains(&group);
    if member {
        return Ok(());
    }
    let words = format!(
        "user {} is neither root nor in group {group} of the socket. Add it to that group",
        peer.uid()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, words))
}

/// The peer's supplementary groups when it connected (unix(7), SO_PEERGROUPS).
fn groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups = vec![0_u32; MAX_GROUPS];
    let mut bytes = libc::socklen_t::try_from(size_of_val(groups.as_slice())).unwrap_or(0);
    // SAFETY: the descriptor is borrowed and so open; the kernel writes at most `bytes` bytes to `groups`, which is that
    // long, and sets `bytes` to what it wrote.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    groups.truncate(bytes as usize / size_of::<u32>());
    Ok(groups)
}
