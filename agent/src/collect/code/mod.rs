//! Where code of a process comes from: addresses of its stacks as a module, an offset in its file, and a symbol.
//!
//! What a process maps is read when an address of it is first met, through `opener`: it lives then, most likely. What is
//! mapped from no file (generated code), or cannot be looked up any more, stays an address.

mod elf;
mod maps;

use std::collections::HashMap;

use crate::opener::{Opener, Which};
use elf::symbols_in;
use maps::{Mapping, mappings_in};

/// Processes of which is remembered what they map.
const MOST_PROCESSES: usize = 256;
/// /proc/PID/maps of a process with more is read as far.
const MOST_MAPS_BYTES: u64 = 4 << 20;
/// Places in files whose symbol is remembered.
const MOST_SYMBOLS: usize = 8192;

/// A place in a file: device and inode as /proc/PID/maps prints them, and the offset.
type Place = (Box<str>, u64);

/// What is known so far. Everything here is bounded, and may be forgotten at any time.
#[derive(Default)]
pub struct Code {
    maps: HashMap<u32, Vec<Mapping>>,
    symbols: HashMap<Place, Option<Box<str>>>,
}

impl Code {
    /// This process is a new one, or runs another program.
    pub fn forget(&mut self, tgid: u32) {
        self.maps.remove(&tgid);
    }

    /// A word for each address: `module+0xoffset symbol+0xoffset`, or what is known of that.
    pub fn name(&mut self, opener: &Opener, tgid: u32, addresses: &[u64]) -> Vec<String> {
        self.look(opener, tgid, addresses);
        let none = Vec::new();
        let mappings = self.maps.get(&tgid).unwrap_or(&none);
        let places: Vec<Option<(&Mapping, u64)>> = addresses
            .iter()
            .map(|&address| {
                let mapping = maps::find(mappings, address)?;
                Some((mapping, address - mapping.start + mapping.offset))
            })
            .collect();
        for &(mapping, _) in places.iter().flatten() {
            learn_symbols(&mut self.symbols, opener, tgid, mapping, &places);
        }
        let named = addresses.iter().zip(&places).map(|(address, place)| {
            let Some((mapping, offset)) = place else {
                return format!("0x{address:x}");
            };
            let symbol = self.symbols.get(&(mapping.file.clone(), *offset));
            match symbol.and_then(Option::as_deref) {
                Some(symbol) => format!("{}+0x{offset:x} {symbol}", mapping.module),
                None => format!("{}+0x{offset:x}", mapping.module),
            }
        });
        named.collect()
    }

    /// Reads what a process maps, unless all these addresses are known already.
    fn look(&mut self, opener: &Opener, tgid: u32, addresses: &[u64]) {
        let is_known = |mappings: &Vec<Mapping>| {
            addresses
                .iter()
                .all(|&address| maps::find(mappings, address).is_some())
        };
        if self.maps.get(&tgid).is_some_and(is_known) {
            return;
        }
        let Ok(file) = opener.open(tgid, Which::Maps) else {
            return;
        };
        if self.maps.len() >= MOST_PROCESSES {
            self.maps.clear();
        }
        self.maps.insert(tgid, mappings_in(file, MOST_MAPS_BYTES));
    }
}

/// The symbols of all places in one module that are not known yet, in one reading of its file.
fn learn_symbols(
    symbols: &mut HashMap<Place, Option<Box<str>>>,
    opener: &Opener,
    tgid: u32,
    mapping: &Mapping,
    places: &[Option<(&Mapping, u64)>],
) {
    let mut offsets: Vec<u64> = places
        .iter()
        .flatten()
        .filter(|(other, offset)| {
            other.file == mapping.file && !symbols.contains_key(&(other.file.clone(), *offset))
        })
        .map(|&(_, offset)| offset)
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    if offsets.is_empty() {
        return;
    }
    if symbols.len() + offsets.len() > MOST_SYMBOLS {
        symbols.clear();
    }
    let (start, end) = (mapping.start, mapping.end);
    let found = opener
        .open(tgid, Which::Mapped { start, end })
        .map(|file| symbols_in(&file, &offsets))
        .unwrap_or_default();
    let mut found = found.into_iter();
    for offset in offsets {
        symbols.insert((mapping.file.clone(), offset), found.next().flatten());
    }
}
