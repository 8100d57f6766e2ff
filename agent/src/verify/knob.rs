//! Settings of the kernel that a step needs otherwise for some seconds, and that stand again as they were when it is done.

use std::fs;
use std::io;

/// A file below /sys with another word in it, until it is dropped.
pub struct Knob {
    path: String,
    before: String,
}

impl Knob {
    /// # Errors
    /// The file is not there or the kernel refuses the word.
    pub fn set(path: &str, word: &str) -> io::Result<Self> {
        let before = fs::read_to_string(path)?;
        fs::write(path, word)?;
        Ok(Self {
            path: path.to_owned(),
            before,
        })
    }
}

impl Drop for Knob {
    fn drop(&mut self) {
        let _ = fs::write(&self.path, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_stands_again_as_it_was() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        fs::write(path, "10000\n").unwrap();
        let knob = Knob::set(path, "1").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "1");
        drop(knob);
        assert_eq!(fs::read_to_string(path).unwrap(), "10000\n");
    }

    #[test]
    fn what_is_not_there_is_not_made() {
        assert!(Knob::set("/proc/self/no-such-knob", "1").is_err());
    }
}
