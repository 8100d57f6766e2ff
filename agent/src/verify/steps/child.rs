//! A child that shares the subject's memory by fork and does nothing until it is let go.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::verify::memory::{checked, pipe};

pub struct Child {
    pub pid: i32,
    /// Its other end is the child's: closed, it ends.
    hold: Option<OwnedFd>,
}

impl Child {
    /// # Errors
    /// The kernel's: no process, or no pipe.
    pub fn fork() -> io::Result<Self> {
        let (reader, writer) = pipe()?;
        let mut byte = 0_u8;
        // SAFETY: this process has one thread, and what the child calls allocates nothing.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(writer);
            // SAFETY: room for one byte, of which none ever comes. Then nothing is left to be run: what is buffered belongs
            // to the parent.
            unsafe {
                libc::read(reader.as_raw_fd(), (&raw mut byte).cast(), 1);
                libc::_exit(0);
            }
        }
        checked(pid)?;
        Ok(Self {
            pid,
            hold: Some(writer),
        })
    }

    /// Lets it end, and waits until its memory is gone.
    ///
    /// # Errors
    /// The kernel's.
    pub fn end(mut self) -> io::Result<()> {
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.hold.take().is_none() {
            return Ok(());
        }
        let mut status = 0;
        // SAFETY: our child, and a place for its status.
        checked(unsafe { libc::waitpid(self.pid, &raw mut status, 0) })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
