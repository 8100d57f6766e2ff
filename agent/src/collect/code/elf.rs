//! Symbols of code in a file, by `.symtab` or `.dynsym`. The file is anybody's: nothing in it is believed.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Tables with more are not searched: a place in their file has no symbol.
const MOST_SYMBOLS: u64 = 64 << 10;
const MOST_SECTIONS: u64 = 256;
const MOST_SEGMENTS: u64 = 64;
/// Longer names are cut.
const MOST_NAME_BYTES: usize = 64;

/// Sizes and places of elf.h, 64 bits, little endian.
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: u64 = 56;
const SECTION_BYTES: u64 = 64;
const SYMBOL_BYTES: u64 = 24;
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
const PT_LOAD: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;

/// For each offset in the file, as far as it can be told: `symbol+0xoffset`. As many as `offsets`, or none at all.
pub fn symbols_in(file: &File, offsets: &[u64]) -> Vec<Option<Box<str>>> {
    search(file, offsets).unwrap_or_default()
}

/// The symbol that an address lies in, as far as it was found.
#[derive(Clone, Copy, Default)]
struct Hit {
    value: u64,
    name: u64,
    is_found: bool,
}

fn search(file: &File, offsets: &[u64]) -> Option<Vec<Option<Box<str>>>> {
    let header = read(file, 0, HEADER_BYTES)?;
    header.starts_with(MAGIC).then_some(())?;
    let segments = table(
        file,
        u64_at(&header, 32)?,
        u64::from(u16_at(&header, 56)?).min(MOST_SEGMENTS),
        SEGMENT_BYTES,
    )?;
    let addresses: Vec<Option<u64>> = offsets
        .iter()
        .map(|&offset| address_of(&segments, offset))
        .collect();
    let sections = table(
        file,
        u64_at(&header, 40)?,
        u64::from(u16_at(&header, 60)?).min(MOST_SECTIONS),
        SECTION_BYTES,
    )?;
    let of_kind = |kind| {
        sections
            .chunks_exact(SECTION_BYTES as usize)
            .find(|section| u32_at(section, 4) == Some(kind))
    };
    // The one holds what the other does, and more, where it was not stripped.
    let symbols = of_kind(SHT_SYMTAB).or_else(|| of_kind(SHT_DYNSYM))?;
    let count = u64_at(symbols, 32)? / SYMBOL_BYTES;
    (count <= MOST_SYMBOLS).then_some(())?;
    let names = u32_at(symbols, 40)? as usize * SECTION_BYTES as usize;
    let names = sections.get(names..names + SECTION_BYTES as usize)?;
    let (names_at, names_bytes) = (u64_at(names, 24)?, u64_at(names, 32)?);

    let mut hits = vec![Hit::default(); addresses.len()];
    let bytes = table(file, u64_at(symbols, 24)?, count, SYMBOL_BYTES)?;
    for symbol in bytes.chunks_exact(SYMBOL_BYTES as usize) {
        let kind = symbol.get(4)? & 15;
        if kind != STT_FUNC && kind != STT_GNU_IFUNC {
            continue;
        }
        let (name, value, size) = (
            u64::from(u32_at(symbol, 0)?),
            u64_at(symbol, 8)?,
            u64_at(symbol, 16)?,
        );
        for (hit, address) in hits.iter_mut().zip(&addresses) {
            if address.is_some_and(|address| address.wrapping_sub(value) < size) {
                let is_found = name < names_bytes;
                *hit = Hit {
                    value,
                    name,
                    is_found,
                };
            }
        }
    }
    let named = hits.iter().zip(&addresses).map(|(hit, address)| {
        let offset = (*address)?.wrapping_sub(hit.value);
        let name = hit
            .is_found
            .then(|| name_at(file, names_at.checked_add(hit.name)?))??;
        Some(format!("{name}+0x{offset:x}").into())
    });
    Some(named.collect())
}

/// The address that a place in the file is linked for.
fn address_of(segments: &[u8], place: u64) -> Option<u64> {
    segments
        .chunks_exact(SEGMENT_BYTES as usize)
        .filter(|segment| u32_at(segment, 0) == Some(PT_LOAD))
        .find_map(|segment| {
            let (offset, address, bytes) = (
                u64_at(segment, 8)?,
                u64_at(segment, 16)?,
                u64_at(segment, 32)?,
            );
            let into = place.checked_sub(offset)?;
            (into < bytes).then(|| address.checked_add(into))?
        })
}

/// Printable, without blanks; `None`: it has no end, or is empty.
fn name_at(file: &File, at: u64) -> Option<String> {
    let mut bytes = [0; MOST_NAME_BYTES + 1];
    let got = file.read_at(&mut bytes, at).ok()?;
    let name = bytes.get(..got)?.split(|&byte| byte == 0).next()?;
    let name = name.get(..name.len().min(MOST_NAME_BYTES))?;
    let is_word = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_word.then(|| String::from_utf8_lossy(name).into_owned())
}

fn table(file: &File, at: u64, count: u64, each: u64) -> Option<Vec<u8>> {
    read(file, at, usize::try_from(count.checked_mul(each)?).ok()?)
}

fn read(file: &File, at: u64, bytes: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    file.read_exact_at(&mut buffer, at).ok()?;
    Some(buffer)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// Two functions of 16 bytes at 0x401000 and 0x401020, which lie in the file at 0x1000.
    fn elf() -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        bytes[..6].copy_from_slice(MAGIC);
        let put = |bytes: &mut Vec<u8>, at: usize, word: &[u8]| {
            bytes[at..at + word.len()].copy_from_slice(word);
        };
        put(&mut bytes, 32, &0x40_u64.to_le_bytes());
        put(&mut bytes, 40, &0x100_u64.to_le_bytes());
        put(&mut bytes, 56, &1_u16.to_le_bytes());
        put(&mut bytes, 60, &2_u16.to_le_bytes());
        for (at, word) in [(0, 1_u64), (8, 0x1000), (16, 0x40_1000), (32, 0x100)] {
            put(&mut bytes, 0x40 + at, &word.to_le_bytes());
        }
        // Symbols, whose names are in section 1.
        put(&mut bytes, 0x104, &SHT_SYMTAB.to_le_bytes());
        for (at, word) in [(24, 0x200_u64), (32, 3 * SYMBOL_BYTES), (40, 1)] {
            put(&mut bytes, 0x100 + at, &word.to_le_bytes());
        }
        for (at, word) in [(24, 0x300_u64), (32, 16)] {
            put(&mut bytes, 0x140 + at, &word.to_le_bytes());
        }
        for (index, (name, value)) in [(1_u32, 0x40_1000_u64), (6, 0x40_1020)].iter().enumerate() {
            let at = 0x218 + index * 24;
            put(&mut bytes, at, &name.to_le_bytes());
            bytes[at + 4] = STT_FUNC;
            put(&mut bytes, at + 8, &value.to_le_bytes());
            put(&mut bytes, at + 16, &16_u64.to_le_bytes());
        }
        put(&mut bytes, 0x300, b"\0main\0work\0");
        bytes
    }

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn names(bytes: &[u8], offsets: &[u64]) -> Vec<Option<String>> {
        symbols_in(&file_of(bytes), offsets)
            .into_iter()
            .map(|name| name.map(String::from))
            .collect()
    }

    #[test]
    fn a_place_in_the_file_is_named_by_the_function_that_it_lies_in() {
        assert_eq!(
            names(&elf(), &[0x1004, 0x1010, 0x102f, 0x9999]),
            [
                Some("main+0x4".to_owned()),
                None,
                Some("work+0xf".to_owned()),
                None
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_search(at in 0_usize..0x400, bytes in prop::collection::vec(any::<u8>(), 1..24)) {
            let mut elf = elf();
            let end = (at + bytes.len()).min(elf.len());
            elf[at..end].copy_from_slice(&bytes[..end - at]);
            let found = names(&elf, &[0x1004, 0x1024]);
            prop_assert!(found.is_empty() || found.len() == 2);
        }
    }
}
