//! Records of the ring buffer, as agent/bpf/record.h lays them out.

/// `struct record_head`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub time_ns: u64,
    /// Cookie of the address space, 0: none.
    pub mm: u64,
    pub tgid: u32,
    pub tid: u32,
    pub cpu: u16,
    pub kind: u8,
    pub outcome: u8,
    pub order: u8,
    /// Place in the map `stacks` plus one, 0: none.
    pub stack: u16,
    /// The same in the map `user_stacks`; where it stands differs by the body.
    pub user_stack: u16,
}

/// What follows the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Fault {
        vpn: u64,
        old_pfn: u64,
        new_pfn: u64,
        other_mm: u64,
        flags: u32,
        refcount: i32,
        mapcount: i32,
        pincount: i32,
        new_refcount: i32,
        pages: u32,
        /// As the kernel numbers them; of no meaning without `FLAG_IN_GUP`.
        foll: u32,
        /// Of the whole folio plus one, 0: not read. Of no meaning but in `WP_FAULT` and `HUGE_WP`.
        folio_mapcount: u32,
    },
    Identity {
        vpn: u64,
        old_pfn: u64,
        new_pfn: u64,
        aux: u64,
        flags: u32,
        refcount: i32,
        mapcount: i32,
        pincount: i32,
        new_refcount: i32,
        pages: u32,
    },
    Range {
        vpn: u64,
        other_mm: u64,
        pages: u32,
        flags: u32,
        other_tgid: u32,
        aux: u32,
    },
    Frame {
        vpn: u64,
        old_pfn: u64,
        flags: u32,
        pages: u32,
        refcount: i32,
        mapcount: i32,
        pincount: i32,
        aux: u32,
    },
    Free {
        pfn: u64,
    },
    /// Up to 32 pages of one call that takes or gives back references.
    Pages {
        vpn: u64,
        /// Index of the first page here among those of the call.
        first: u32,
        /// References on each frame.
        each: u32,
        foll: u32,
        runs: Box<[Run]>,
    },
    Process {
        start_time_ns: u64,
        parent_tgid: u32,
        comm: [u8; 16],
    },
}

/// `struct page_run`: pages that are neighbours in the call and in memory, and equal in their facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub pfn: u64,
    pub pages: u32,
    pub flags: u32,
    pub order: u8,
    pub refcount: i32,
    pub mapcount: i32,
    pub pincount: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub head: Head,
    pub body: Body,
}

const HEAD: usize = 32;
const FAULT: usize = 96;
const IDENTITY: usize = 88;
const RANGE: usize = 64;
const FRAME: usize = 80;
const FREE: usize = 40;
const PROCESS: usize = 64;
const PAGES: usize = 56;
const RUN: usize = 24;

/// Bits of `flags`.
pub const FLAG_ANON: u32 = 16;
pub const FLAG_KSM: u32 = 32;
pub const FLAG_SWAPCACHE: u32 = 128;
pub const FLAG_ZERO: u32 = 256;
pub const FLAG_FILE: u32 = 512;
pub const FLAG_LARGE: u32 = 1024;
pub const FLAG_HUGETLB: u32 = 2048;
pub const FLAG_VMA_SHARED: u32 = 4096;
pub const FLAG_VMA_MAYWRITE: u32 = 8192;
pub const FLAG_LRU: u32 = 131_072;
pub const FLAG_PMD_MAPPED: u32 = 4_194_304;
pub const FLAG_UFFD_WP: u32 = 8_388_608;
pub const FLAG_IN_GUP: u32 = 33_554_432;

pub const KIND_WP_FAULT: u8 = 1;
pub const KIND_HUGE_WP: u8 = 2;
pub const KIND_EXEC: u8 = 7;
pub const KIND_MM_EXIT: u8 = 8;
const KIND_HUGETLB_WP: u8 = 11;
const KIND_WRPROTECT: u8 = 14;
pub const KIND_GUP: u8 = 12;
const KIND_UNPIN: u8 = 13;
pub const KIND_SNAPSHOT: u8 = 25;
const KIND_PROCESS: u8 = 200;

impl Record {
    /// `None` for what is no record of ours: the programs are from the same build, so this does not happen.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let at = Reader(bytes);
        let head = Head {
            time_ns: at.u64(0)?,
            mm: at.u64(8)?,
            tgid: at.u32(16)?,
            tid: at.u32(20)?,
            cpu: at.u16(24)?,
            kind: at.u8(26)?,
            outcome: at.u8(27)?,
            order: at.u8(28)?,
            stack: at.u16(30)?,
            user_stack: 0,
        };
        let body = match (head.kind, bytes.len()) {
            (KIND_PROCESS, PROCESS..) => Body::Process {
                start_time_ns: at.u64(HEAD)?,
                parent_tgid: at.u32(40)?,
                comm: bytes.get(48..64)?.try_into().ok()?,
            },
            (KIND_WP_FAULT | KIND_HUGE_WP | 5 | 10 | KIND_HUGETLB_WP | 18, FAULT..) => {
                Body::Fault {
                    vpn: at.u64(HEAD)?,
                    old_pfn: at.u64(40)?,
                    new_pfn: at.u64(48)?,
                    other_mm: at.u64(56)?,
                    flags: at.u32(64)?,
                    refcount: at.i32(68)?,
                    mapcount: at.i32(72)?,
                    pincount: at.i32(76)?,
                    new_refcount: at.i32(80)?,
                    pages: at.u32(84)?,
                    foll: at.u32(88)?,
                    folio_mapcount: at.u32(92)?,
                }
            }
            (KIND_WRPROTECT | 16 | 17, FRAME..) => Body::Frame {
                vpn: at.u64(HEAD)?,
                old_pfn: at.u64(40)?,
                flags: at.u32(48)?,
                pages: at.u32(52)?,
                refcount: at.i32(56)?,
                mapcount: at.i32(60)?,
                pincount: at.i32(64)?,
                aux: at.u32(68)?,
            },
            (19..=22 | 24, IDENTITY..) => Body::Identity {
                vpn: at.u64(HEAD)?,
                old_pfn: at.u64(40)?,
                new_pfn: at.u64(48)?,
                aux: at.u64(56)?,
                flags: at.u32(64)?,
                refcount: at.i32(68)?,
                mapcount: at.i32(72)?,
                pincount: at.i32(76)?,
                new_refcount: at.i32(80)?,
                pages: at.u32(84)?,
            },
            // Of a range; with counts it is a longer record.
            (3 | 4 | 6 | KIND_EXEC | KIND_MM_EXIT | KIND_WRPROTECT | 15, RANGE..) => Body::Range {
                vpn: at.u64(HEAD)?,
                other_mm: at.u64(40)?,
                pages: at.u32(48)?,
                flags: at.u32(52)?,
                other_tgid: at.u32(56)?,
                aux: at.u32(60)?,
            },
            (KIND_GUP | KIND_UNPIN, PAGES..) => {
                let count = usize::from(at.u16(52)?);
                let runs = (0..count).map(|i| Run::parse(&at, PAGES + i * RUN));
                Body::Pages {
                    vpn: at.u64(HEAD)?,
                    first: at.u32(40)?,
                    each: at.u32(44)?,
                    foll: at.u32(48)?,
                    runs: runs.collect::<Option<_>>()?,
                }
            }
            (9, FREE..) => Body::Free { pfn: at.u64(HEAD)? },
            _ => return None,
        };
        Some(Self { head, body }.with_user_stack(&at))
    }

    /// Who wrote it where: agent/bpf/record.h.
    fn with_user_stack(mut self, at: &Reader<'_>) -> Self {
        let kind = self.head.kind;
        self.head.user_stack = match &mut self.body {
            Body::Fault { other_mm, .. }
                if matches!(kind, KIND_WP_FAULT | KIND_HUGE_WP | KIND_HUGETLB_WP) =>
            {
                std::mem::take(other_mm) as u16
            }
            Body::Range { other_tgid, .. } if kind == KIND_WRPROTECT => {
                std::mem::take(other_tgid) as u16
            }
            Body::Frame { .. } => at.u16(72).unwrap_or(0),
            Body::Pages { .. } => at.u16(54).unwrap_or(0),
            _ => 0,
        };
        self
    }
}

impl Run {
    fn parse(at: &Reader<'_>, begin: usize) -> Option<Self> {
        let facts = at.u32(begin + 8)?;
        Some(Self {
            pfn: at.u64(begin)?,
            pages: facts >> 20,
            flags: facts & 0xfff,
            order: (facts >> 12 & 31) as u8,
            refcount: at.i32(begin + 12)?,
            mapcount: at.i32(begin + 16)?,
            pincount: at.i32(begin + 20)?,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at + N)?.try_into().ok()
    }
    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_ne_bytes)
    }
    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_ne_bytes)
    }
    fn i32(&self, at: usize) -> Option<i32> {
        self.bytes(at).map(i32::from_ne_bytes)
    }
    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_ne_bytes)
    }
    fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use libbpf_rs::btf::types::{MemberAttr, Struct};
    use libbpf_rs::btf::{Btf, HasSize};
    use proptest::prelude::*;

    use super::*;

    /// (member, byte offset) of a struct, and its size, as the compiler of the BPF object laid it out.
    fn layout(name: &str) -> (usize, Vec<(String, u32)>) {
        let path = concat!(env!("OUT_DIR"), "/cowpath.bpf.o");
        let btf = Btf::from_path(Path::new(path)).unwrap();
        let found: Struct<'_> = btf
            .type_by_name(name)
            .unwrap_or_else(|| panic!("no struct {name}"));
        let members = found.iter().map(|member| {
            let MemberAttr::Normal { offset } = member.attr else {
                panic!("{name} has a bit field")
            };
            (
                member.name.unwrap().to_str().unwrap().to_owned(),
                offset / 8,
            )
        });
        (found.size(), members.collect())
    }

    fn offsets(members: &[(&str, u32)]) -> Vec<(String, u32)> {
        members
            .iter()
            .map(|(name, at)| ((*name).to_owned(), *at))
            .collect()
    }

    #[test]
    fn records_are_read_where_the_programs_write_them() {
        let head = [
            ("time_ns", 0),
            ("mm", 8),
            ("tgid", 16),
            ("tid", 20),
            ("cpu", 24),
            ("kind", 26),
            ("outcome", 27),
            ("order", 28),
            ("pad", 29),
            ("stack", 30),
        ];
        assert_eq!(layout("record_head"), (HEAD, offsets(&head)));
        let fault = [
            ("head", 0),
            ("vpn", 32),
            ("old_pfn", 40),
            ("new_pfn", 48),
            ("other_mm", 56),
            ("flags", 64),
            ("refcount", 68),
            ("mapcount", 72),
            ("pincount", 76),
            ("new_refcount", 80),
            ("pages", 84),
            ("foll", 88),
            ("folio_mapcount", 92),
        ];
        assert_eq!(layout("fault_record"), (FAULT, offsets(&fault)));
        let identity: Vec<_> = fault
            .iter()
            .filter(|(_, at)| *at < 88)
            .map(|&(name, at)| (if at == 56 { "aux" } else { name }, at))
            .collect();
        assert_eq!(layout("identity_record"), (IDENTITY, offsets(&identity)));
        let range = [
            ("head", 0),
            ("vpn", 32),
            ("other_mm", 40),
            ("pages", 48),
            ("flags", 52),
            ("other_tgid", 56),
            ("aux", 60),
        ];
        assert_eq!(layout("range_record"), (RANGE, offsets(&range)));
        let frame = [
            ("head", 0),
            ("vpn", 32),
            ("old_pfn", 40),
            ("flags", 48),
            ("pages", 52),
            ("refcount", 56),
            ("mapcount", 60),
            ("pincount", 64),
            ("aux", 68),
            ("user_stack", 72),
            ("pad", 76),
        ];
        assert_eq!(layout("frame_record"), (FRAME, offsets(&frame)));
        assert_eq!(
            layout("free_record"),
            (FREE, offsets(&[("head", 0), ("pfn", 32)]))
        );
        let pages = [
            ("head", 0),
            ("vpn", 32),
            ("first", 40),
            ("each", 44),
            ("foll", 48),
            ("runs", 52),
            ("user_stack", 54),
        ];
        assert_eq!(layout("pages_record"), (PAGES, offsets(&pages)));
        let run = [
            ("pfn", 0),
            ("facts", 8),
            ("refcount", 12),
            ("mapcount", 16),
            ("pincount", 20),
        ];
        assert_eq!(layout("page_run"), (RUN, offsets(&run)));
        let process = [
            ("head", 0),
            ("start_time_ns", 32),
            ("parent_tgid", 40),
            ("pad", 44),
            ("comm", 48),
        ];
        assert_eq!(layout("process_record"), (PROCESS, offsets(&process)));
    }

    #[test]
    fn the_stack_in_user_mode_is_read_where_its_kind_has_it() {
        let stack_of = |kind: u8, length: usize, at: usize| {
            let mut bytes = vec![0; length];
            bytes[26] = kind;
            bytes[at] = 7;
            let record = Record::parse(&bytes).unwrap();
            let names_another = match record.body {
                Body::Fault { other_mm, .. } => other_mm != 0,
                Body::Range { other_tgid, .. } => other_tgid != 0,
                _ => false,
            };
            (record.head.user_stack, names_another)
        };
        for (kind, length, at) in [
            (KIND_WP_FAULT, FAULT, 56),
            (KIND_HUGE_WP, FAULT, 56),
            (KIND_WRPROTECT, RANGE, 56),
            (KIND_WRPROTECT, FRAME, 72),
            (16, FRAME, 72),
            (KIND_GUP, PAGES, 54),
        ] {
            assert_eq!(stack_of(kind, length, at), (7, false), "kind {kind}");
        }
        // Early copies at fork name the child there, and a fork its tgid.
        assert_eq!(stack_of(5, FAULT, 56), (0, true));
        assert_eq!(stack_of(3, RANGE, 56), (0, true));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let record = Record::parse(&bytes);
            prop_assert!(record.is_none() || bytes.len() >= FREE);
        }
    }
}
