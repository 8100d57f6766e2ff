//! The kernel's FOLL_ flags in our numbering, `Foll` of the proto.

use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::Enum;

/// Name, value up to 6.2 (include/linux/mm.h, defines, which BTF does not hold), our value. `None`: did not exist.
const NAMES: [(&str, Option<u32>, u64); 11] = [
    ("FOLL_WRITE", Some(0x1), 1),
    ("FOLL_GET", Some(0x4), 2),
    ("FOLL_PIN", Some(0x40000), 4),
    ("FOLL_LONGTERM", Some(0x10000), 8),
    ("FOLL_FORCE", Some(0x10), 16),
    ("FOLL_REMOTE", Some(0x2000), 32),
    ("FOLL_NOWAIT", Some(0x20), 64),
    ("FOLL_FAST_ONLY", Some(0x80000), 128),
    // 5.10 has FOLL_SPLIT there, which GUP is never asked for.
    ("FOLL_NOFAULT", Some(0x80), 256),
    ("FOLL_SPLIT_PMD", Some(0x20000), 512),
    ("FOLL_DUMP", Some(0x8), 1024),
];

/// `FOLL_BY_FAST` of agent/bpf/record.h, and what we call it.
const BY_FAST: (u32, u64) = (1 << 31, 4096);
/// The same of `FOLL_BY_FILE`.
const BY_FILE: (u32, u64) = (1 << 30, 8192);

/// How one kernel numbers them.
#[derive(Clone, Debug)]
pub struct Foll {
    bits: Vec<(u32, u64)>,
    longterm: u32,
    pin: u32,
}

impl Default for Foll {
    /// As up to 6.2.
    fn default() -> Self {
        Self::numbered(|_, old| old)
    }
}

impl Foll {
    /// Since 6.3 they are enumerators of enums without a name, and have other values.
    pub fn of(btf: &Btf<'_>) -> Self {
        let values = btf
            .type_by_kind::<Enum<'_>>()
            .flat_map(|found| {
                found
                    .iter()
                    .filter_map(|member| {
                        let name = member.name?.to_str()?.strip_prefix("FOLL_")?.to_owned();
                        Some((name, u32::try_from(member.value).ok()?))
                    })
                    .collect::<Vec<_>>()
            })
            .collect::<std::collections::HashMap<_, _>>();
        if !values.contains_key("PIN") {
            return Self::default();
        }
        Self::numbered(|name, _| values.get(&name["FOLL_".len()..]).copied())
    }

    fn numbered(value: impl Fn(&str, Option<u32>) -> Option<u32>) -> Self {
        let bits: Vec<_> = NAMES
            .iter()
            .filter_map(|&(name, old, ours)| Some((value(name, old)?, ours)))
            .chain([BY_FAST, BY_FILE])
            .collect();
        let kernels = |wanted| {
            bits.iter()
                .find(|&&(_, ours)| ours == wanted)
                .map_or(0, |&(kernels, _)| kernels)
        };
        Self {
            longterm: kernels(8),
            pin: kernels(4),
            bits,
        }
    }

    /// In our numbering; flags that we have no name for are left out.
    pub fn normal(&self, kernels: u32) -> u64 {
        self.bits
            .iter()
            .filter(|&&(bit, _)| kernels & bit != 0)
            .map(|&(_, ours)| ours)
            .sum()
    }

    /// FOLL_LONGTERM as the kernel has it.
    pub fn longterm(&self) -> u32 {
        self.longterm
    }

    /// FOLL_PIN as the kernel has it.
    pub fn pin(&self) -> u32 {
        self.pin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longterm_pin_of_5_10_is_the_same_as_one_of_7_2() {
        let new = Foll::numbered(|name, _| {
            Some(match name {
                "FOLL_WRITE" => 1,
                "FOLL_LONGTERM" => 0x100,
                "FOLL_PIN" => 0x80000,
                _ => 0x4000_0000,
            })
        });
        let ours = 1 | 8 | 4;
        // As seen of io_uring: WRITE | LONGTERM | PIN.
        assert_eq!(Foll::default().normal(0x50001), ours);
        assert_eq!(new.normal(0x80101), ours);
        assert_eq!(new.normal(0x80101 | 1 << 31), ours | 4096);
        assert_eq!(
            (Foll::default().longterm(), new.longterm()),
            (0x10000, 0x100)
        );
        assert_eq!((Foll::default().pin(), new.pin()), (0x40000, 0x80000));
    }
}
