//! Where the agent listens, and why it may refuse to.

use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::failure::{Exit, Failure};

/// An address that the agent may listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    /// Loopback only.
    Tcp(SocketAddr),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(
                    "the socket's path is not absolute. Write unix:///run/cowpath/agent.sock"
                        .to_owned(),
                );
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let Some(authority) = text.strip_prefix("tcp://") else {
            return Err("not an address. Write unix:///PATH or tcp://127.0.0.1:PORT".to_owned());
        };
        let address: SocketAddr = authority
            .replace("localhost", "127.0.0.1")
            .parse()
            .map_err(|_| "not an IP address with a port. Write tcp://127.0.0.1:PORT".to_owned())?;
        if !address.ip().is_loopback() {
            return Err(format!(
                "{} can be reached from outside, and plain TCP neither hides nor authenticates. Listen on \
                 tcp://127.0.0.1:PORT and forward it (ssh -L), or use the unix socket",
                address.ip()
            ));
        }
        Ok(Self::Tcp(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// A bound socket.
pub enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

/// Removes the socket's file at the end, if it is still ours.
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // Nothing is left to be done about a socket that cannot be removed: the next agent replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds `address`.
///
/// # Errors
/// The address is taken, or the system refuses it.
pub fn bind(address: &Address) -> Result<Listener, Failure> {
    match address {
        Address::Unix(path) => bind_unix(path),
        Address::Tcp(socket) => bind_tcp(*socket),
    }
}

fn bind_tcp(socket: SocketAddr) -> Result<Listener, Failure> {
    let listener = TcpListener::bind(socket).map_err(|error| {
        let remedy = if error.kind() == ErrorKind::AddrInUse {
            "Stop what listens there, or choose another port"
        } else {
            "Choose another address"
        };
        Failure::new(
            Exit::Address,
            format!("cannot listen on tcp://{socket}: {error}. {remedy}"),
        )
    })?;
    listener
        .set_nonblocking(true)
        .map_err(|error| refused(&format!("tcp://{socket}"), &error))?;
    Ok(Listener::Tcp(listener))
}

fn bind_unix(path: &Path) -> Result<Listener, Failure> {
    let name = format!("unix://{}", path.display());
    if let Some(parent) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(parent)
            .map_err(|error| refused(&name, &error))?;
    }
    clear_stale(path, &name)?;
    let listener = UnixListener::bind(path).map_err(|error| refused(&name, &error))?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path).unwrap_or_default(),
    };
    // Between bind and here the umask decides; the peer's credentials are checked in any case.
    fs::set_permissions(path, Permissions::from_mode(0o660))
        .map_err(|error| refused(&name, &error))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| refused(&name, &error))?;
    Ok(Listener::Unix(listener, file))
}

/// Removes a socket that nobody listens on any more.
fn clear_stale(path: &Path, name: &str) -> Result<(), Failure> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        let words = format!(
            "cannot listen on {name}: there is something that is no socket. Choose another path"
        );
        return Err(Failure::new(Exit::Address, words));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| refused(name, &error))
        }
        Err(error) => Err(refused(name, &error)),
        Ok(_) => {
            let words = format!(
                "cannot listen on {name}: another agent serves there. Stop it, or choose another path"
            );
            Err(Failure::new(Exit::Address, words))
        }
    }
}

fn refused(name: &str, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => {
            "Run as root, or choose a path you may write to with --listen"
        }
        _ => "Choose another path with --listen",
    };
    Failure::new(
        Exit::Address,
        format!("cannot listen on {name}: {error}. {remedy}"),
    )
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path)
        .ok()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_beyond_loopback_is_refused_with_the_reason() {
        for text in [
            "tcp://0.0.0.0:1",
            "tcp://192.168.1.4:50051",
            "tcp://[::]:1",
            "tcp://[fe80::1]:1",
        ] {
            let words = text.parse::<Address>().unwrap_err();
            assert!(
                words.contains("can be reached from outside") && words.contains("unix socket"),
                "{words}"
            );
        }
        for text in [
            "tcp://127.0.0.1:0",
            "tcp://[::1]:0",
            "tcp://localhost:50051",
            "tcp://127.8.8.8:1",
        ] {
            assert!(matches!(text.parse(), Ok(Address::Tcp(_))), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unix://run/x",
            "/run/x",
            "http://127.0.0.1:1",
            "tcp://127.0.0.1",
            "tcp://example.org:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_taken_socket_is_left_alone_and_a_stale_one_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("agent.sock");
        let first = bind_unix(&path).unwrap();
        let words = bind_unix(&path).err().unwrap().to_string();
        assert!(
            words.contains("another agent serves there. Stop it"),
            "{words}"
        );

        let Listener::Unix(listener, file) = first else {
            panic!("not a unix socket")
        };
        // As after kill -9: the file stays, nobody listens.
        drop(listener);
        std::mem::forget(file);
        let second = bind_unix(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o660
        );
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        fs::write(&path, "data").unwrap();
        assert!(
            bind_unix(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("no socket")
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    }

    #[test]
    fn a_taken_port_says_what_to_do() {
        let Listener::Tcp(first) = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap() else {
            panic!("not TCP")
        };
        let words = bind_tcp(first.local_addr().unwrap())
            .err()
            .unwrap()
            .to_string();
        assert!(words.contains("choose another port"), "{words}");
    }
}
