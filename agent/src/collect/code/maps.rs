//! What a process maps from files: /proc/PID/maps.

use std::io::Read;

use super::mounts::Device;

/// Longer names of files are cut.
const MOST_MODULE_BYTES: usize = 48;

/// Code, or data, of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: u64,
    /// The first address behind it.
    pub end: u64,
    /// Of `start` in the file, in bytes.
    pub offset: u64,
    /// Which file: `DEVICE:INODE`.
    pub file: Box<str>,
    /// Its name without its folder, or the kernel's own word: `[vdso]`. Printable, without blanks.
    pub module: Box<str>,
}

impl Mapping {
    /// Where its file lies: the kernel prints it in hex.
    pub fn device(&self) -> Option<Device> {
        let mut words = self.file.split(':');
        let mut number = || u32::from_str_radix(words.next()?, 16).ok();
        Some((number()?, number()?))
    }
}

/// By address, those that have a name. What is behind the first `most` bytes is left out.
pub fn mappings_in(file: impl Read, most: u64) -> Vec<Mapping> {
    let mut text = Vec::new();
    // What was read until then is still true.
    let _ = file.take(most).read_to_end(&mut text);
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(mapping_in)
        .collect()
}

/// The mapping that an address lies in.
pub fn find(mappings: &[Mapping], address: u64) -> Option<&Mapping> {
    let behind = mappings.partition_point(|mapping| mapping.start <= address);
    let mapping = mappings.get(behind.checked_sub(1)?)?;
    (address < mapping.end).then_some(mapping)
}

/// `start-end rights offset device inode   name`, the name of what has one: fs/proc/task_mmu.c, show_map_vma().
fn mapping_in(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let _rights = words.next()?;
    let offset = words.next()?;
    let device = words.next()?;
    let inode = words.next()?;
    let name = words.next()?.trim();
    // The heap and the stack are no code, and memory without a name is not told apart by an offset.
    let is_code = name.starts_with('/') || matches!(name, "[vdso]" | "[vsyscall]");
    let hex = |word| u64::from_str_radix(word, 16).ok();
    is_code.then_some(())?;
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
        file: format!("{device}:{inode}").into(),
        module: module_of(name),
    })
}

fn module_of(path: &str) -> Box<str> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    name.chars()
        .map(|letter| {
            if letter.is_ascii_graphic() {
                letter
            } else {
                '?'
            }
        })
        .take(MOST_MODULE_BYTES)
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55e000000000-55e000001000 r--p 00000000 fe:01 42                         /usr/bin/redis server
55e000001000-55e000003000 r-xp 00001000 fe:01 42                         /usr/bin/redis server
55e000010000-55e000031000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000002000 r-xp 00000000 00:00 0 
7f0000002000-7f0000003000 r-xp 00005000 fe:01 7                          /tmp/lib\u{1b}[2J.so (deleted)
7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn an_address_is_found_in_the_file_that_it_is_mapped_from() {
        let mappings = mappings_in(MAPS.as_bytes(), u64::MAX);
        let at = |address| {
            find(&mappings, address)
                .map(|mapping| (&*mapping.module, address - mapping.start + mapping.offset))
        };
        assert_eq!(at(0x55e0_0000_1234), Some(("redis?server", 0x1234)));
        assert_eq!(at(0x7f00_0000_2001), Some(("lib?[2J.so", 0x5001)));
        assert_eq!(at(0x7ffc_0000_0010), Some(("[vdso]", 0x10)));
        for nowhere in [0, 0x55e0_0001_0000, 0x7f00_0000_1000, u64::MAX] {
            assert_eq!(at(nowhere), None);
        }
    }

    #[test]
    fn a_file_is_on_the_device_that_the_kernel_prints_in_hex() {
        let mappings = mappings_in(MAPS.as_bytes(), u64::MAX);
        assert_eq!(mappings[0].device(), Some((0xfe, 1)));
    }

    #[test]
    fn what_is_no_map_is_passed_over() {
        assert_eq!(
            mappings_in("-\n1-2\nx-y r-xp 0 0 0 /a\n".as_bytes(), 100),
            []
        );
        assert_eq!(mappings_in(MAPS.as_bytes(), 40), []);
    }
}
