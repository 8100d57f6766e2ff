//! Opens files of other processes for an agent that may not: a child of ours, which alone keeps the privilege.
//!
//! The agent listens to clients, and so it gives up all but two capabilities. What it has to look at later (what a process
//! maps when a client begins to filter for it, where its code came from) is opened by this child, which reads nothing but
//! our requests: 24 bytes that name one file of one process. It answers with the open file. It ends with its parent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::serve::keep_looking;

/// The hidden command that makes a process the opener.
pub const COMMAND: &str = "open-files";
/// O_NONBLOCK | O_NOCTTY: nothing that is opened may make us wait, or become our terminal.
const CAREFUL: i32 = 0o4000 | 0o400;

/// A file of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Maps,
    Smaps,
    Pagemap,
    Mounts,
    /// What is mapped from `start` to `end`, if that is a plain file.
    Mapped {
        start: u64,
        end: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    tgid: u32,
    which: Which,
}

/// Whoever lets the child wait for longer than this has it to himself: we go on without.
const PATIENCE: Duration = Duration::from_secs(2);
const REQUEST_BYTES: usize = 24;
const OPENED: u8 = 0;

impl Request {
    fn encode(self) -> [u8; REQUEST_BYTES] {
        let (number, start, end) = match self.which {
            Which::Maps => (0_u32, 0, 0),
            Which::Smaps => (1, 0, 0),
            Which::Pagemap => (2, 0, 0),
            Which::Mounts => (3, 0, 0),
            Which::Mapped { start, end } => (4, start, end),
        };
        let mut bytes = [0; REQUEST_BYTES];
        bytes[..4].copy_from_slice(&self.tgid.to_ne_bytes());
        bytes[4..8].copy_from_slice(&number.to_ne_bytes());
        bytes[8..16].copy_from_slice(&start.to_ne_bytes());
        bytes[16..].copy_from_slice(&end.to_ne_bytes());
        bytes
    }

    fn decode(bytes: &[u8; REQUEST_BYTES]) -> Option<Self> {
        let half = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let word = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let which = match half(4)? {
            0 => Which::Maps,
            1 => Which::Smaps,
            2 => Which::Pagemap,
            3 => Which::Mounts,
            4 => Which::Mapped {
                start: word(8)?,
                end: word(16)?,
            },
            _ => return None,
        };
        Some(Self {
            tgid: half(0)?,
            which,
        })
    }

    fn open(self) -> io::Result<File> {
        let path = match self.which {
            Which::Maps => format!("/proc/{}/maps", self.tgid),
            Which::Smaps => format!("/proc/{}/smaps", self.tgid),
            Which::Pagemap => format!("/proc/{}/pagemap", self.tgid),
            Which::Mounts => format!("/proc/{}/mountinfo", self.tgid),
            Which::Mapped { start, end } => {
                let path = format!("/proc/{}/map_files/{start:x}-{end:x}", self.tgid);
                // A device may do anything when it is opened.
                if !fs::metadata(&path)?.is_file() {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                path
            }
        };
        OpenOptions::new()
            .read(true)
            .custom_flags(CAREFUL)
            .open(path)
    }
}

/// The parent's end.
pub struct Opener {
    socket: Mutex<Option<UnixStream>>,
    child: Child,
}

impl Opener {
    /// Starts the child, with the privilege that we have now.
    ///
    /// # Errors
    /// No process can be started.
    pub fn start() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        let child = Command::new("/proc/self/exe")
            .arg(COMMAND)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // A signal of the terminal is for its parent.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            socket: Mutex::new(Some(ours)),
            child,
        })
    }

    pub fn tgid(&self) -> u32 {
        self.child.id()
    }

    /// Opens a file of a process, to be read.
    ///
    /// # Errors
    /// The process or the file is gone, or not even the child may look at it; or the child is gone.
    pub fn open(&self, tgid: u32, which: Which) -> io::Result<File> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = socket.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answered = ask(&stream, Request { tgid, which });
        // An answer that came too late would be taken for that to the next request.
        let is_in_step = !matches!(&answered, Err(Broken::Stream(_)));
        *socket = is_in_step.then_some(stream);
        answered.map_err(|(Broken::Stream(error) | Broken::File(error))| error)
    }
}

/// Why there is no file.
enum Broken {
    /// The child does not answer as it should.
    Stream(io::Error),
    /// It could not open it.
    File(io::Error),
}

fn ask(mut stream: &UnixStream, request: Request) -> Result<File, Broken> {
    stream
        .write_all(&request.encode())
        .map_err(Broken::Stream)?;
    let mut answer = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut answer)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(|error| Broken::Stream(error.into()))?;
    if got.bytes == 0 {
        return Err(Broken::Stream(io::ErrorKind::BrokenPipe.into()));
    }
    let opened = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    opened
        .map(File::from)
        .ok_or_else(|| Broken::File(io::Error::from_raw_os_error(i32::from(answer[0]))))
}

impl Drop for Opener {
    fn drop(&mut self) {
        // That it hears nobody any more ends it, unless it waits for a file.
        self.socket
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let _ = self.child.kill();
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The child: answers until its parent is gone.
///
/// # Errors
/// It cannot give up what it does not need, or its standard input is no socket of ours.
pub fn run() -> io::Result<()> {
    keep_looking()?;
    let stdin = io::stdin();
    let mut bytes = [0; REQUEST_BYTES];
    loop {
        match stdin.lock().read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        answer(stdin.as_fd(), Request::decode(&bytes))?;
    }
}

fn answer(socket: impl AsFd, request: Option<Request>) -> io::Result<()> {
    let opened = request
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
        .and_then(Request::open);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let code = match &opened {
        Ok(_) => OPENED,
        Err(error) => error
            .raw_os_error()
            .and_then(|code| u8::try_from(code).ok())
            // EIO
            .unwrap_or(5),
    };
    let files: Vec<_> = opened.iter().map(AsFd::as_fd).collect();
    if !files.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&files));
    }
    sendmsg(
        socket,
        &[IoSlice::new(&[code])],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The child's part, in this process.
    fn opener() -> (UnixStream, Opener) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let child = Command::new("true").spawn().unwrap();
        let socket = Mutex::new(Some(ours));
        (theirs, Opener { socket, child })
    }

    fn served(tgid: u32, which: Which) -> io::Result<String> {
        let (mut theirs, opener) = opener();
        let serving = std::thread::spawn(move || {
            let mut bytes = [0; REQUEST_BYTES];
            theirs.read_exact(&mut bytes).unwrap();
            answer(&theirs, Request::decode(&bytes)).unwrap();
        });
        let opened = opener.open(tgid, which).and_then(io::read_to_string);
        serving.join().unwrap();
        opened
    }

    #[test]
    fn what_is_asked_for_comes_open_and_what_is_not_there_says_why() {
        let maps = served(std::process::id(), Which::Maps).unwrap();
        assert!(maps.contains("[stack]"), "{maps}");
        let gone = served(4_194_305, Which::Maps).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_child_that_does_not_answer_in_time_is_asked_no_more() {
        let (theirs, opener) = opener();
        let patience = Some(Duration::from_millis(20));
        if let Some(ours) = opener.socket.lock().unwrap().as_ref() {
            ours.set_read_timeout(patience).unwrap();
        }
        assert!(opener.open(1, Which::Maps).is_err());
        // What comes now would be taken for the answer to another question: it reaches nobody.
        // (A process that another test is about to start may hold the socket until its exec.)
        let is_closed = || {
            std::thread::sleep(Duration::from_millis(5));
            answer(&theirs, None).is_err()
        };
        assert!((0..1000).any(|_| is_closed()));
        let again = opener.open(1, Which::Smaps).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn who_has_no_child_any_more_gets_an_error() {
        let (theirs, opener) = opener();
        drop(theirs);
        assert!(opener.open(1, Which::Pagemap).is_err());
    }

    proptest! {
        #[test]
        fn requests_come_through_and_no_bytes_break_the_child(
            tgid in any::<u32>(), start in any::<u64>(), end in any::<u64>(), bytes in any::<[u8; REQUEST_BYTES]>()
        ) {
            for which in [Which::Maps, Which::Smaps, Which::Pagemap, Which::Mounts, Which::Mapped { start, end }] {
                let request = Request { tgid, which };
                prop_assert_eq!(Request::decode(&request.encode()), Some(request));
            }
            if let Some(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode()[..4].to_vec(), bytes[..4].to_vec());
            }
        }
    }
}
