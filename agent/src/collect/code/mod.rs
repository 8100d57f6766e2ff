//! Where code of a process comes from: addresses of its stacks as a module, an offset in its file, and a symbol.
//!
//! What a process maps is read when an address of it is first met, through `opener`: it lives then, most likely. What is
//! mapped from no file (generated code), or cannot be looked up any more, stays an address.

mod elf;
mod maps;
mod mounts;

use std::collections::HashMap;

use crate::opener::{Opener, Which};
use elf::symbols_in;
use maps::{Mapping, mappings_in};
use mounts::{Device, devices_in};

/// Processes of which is remembered what they map.
const MOST_PROCESSES: usize = 256;
/// /proc/PID/maps of a process with more is read as far.
const MOST_MAPS_BYTES: u64 = 4 << 20;
/// Devices of which is remembered whether their files are here.
const MOST_DEVICES: usize = 1024;
/// Places in files whose symbol is remembered.
const MOST_SYMBOLS: usize = 8192;

/// A place in a file: device and inode as /proc/PID/maps prints them, and the offset.
type Place = (Box<str>, u64);

/// What is known so far. Everything here is bounded, and may be forgotten at any time.
#[derive(Default)]
pub struct Code {
    maps: HashMap<u32, Vec<Mapping>>,
    symbols: HashMap<Place, Option<Box<str>>>,
    /// Whether a file there can be read without waiting for anybody.
    devices: HashMap<Device, bool>,
}

impl Code {
    /// This process is a new one, or runs another program.
    pub fn forget(&mut self, tgid: u32) {
        self.maps.remove(&tgid);
    }

    /// A word for each address: `module+0xoffset symbol+0xoffset`, or what is known of that.
    pub fn name(&mut self, opener: &Opener, tgid: u32, addresses: &[u64]) -> Vec<String> {
        self.look(opener, tgid, addresses);
        self.look_at_mounts(opener, tgid);
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
            if !is_here(&self.devices, mapping) {
                continue;
            }
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

    /// Reads what is mounted for a process, unless it maps nothing of a device that was not met yet.
    fn look_at_mounts(&mut self, opener: &Opener, tgid: u32) {
        let mappings = self.maps.get(&tgid).map_or(&[][..], Vec::as_slice);
        let mut unknown: Vec<Device> = mappings
            .iter()
            .filter_map(Mapping::device)
            .filter(|device| !self.devices.contains_key(device))
            .collect();
        if unknown.is_empty() {
            return;
        }
        if self.devices.len() >= MOST_DEVICES {
            self.devices.clear();
        }
        if let Ok(file) = opener.open(tgid, Which::Mounts) {
            self.devices.extend(devices_in(file));
        }
        // What nobody mounts (the kernel's own, or a mount that is gone) is left alone.
        unknown.retain(|device| !self.devices.contains_key(device));
        self.devices
            .extend(unknown.into_iter().map(|device| (device, false)));
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

fn is_here(devices: &HashMap<Device, bool>, mapping: &Mapping) -> bool {
    let device = mapping.device();
    device.and_then(|device| devices.get(&device)).copied() == Some(true)
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
