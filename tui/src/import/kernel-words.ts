import { Flag, Foll } from '../model/kinds.js'

/** include/linux/mm.h: VM_ flags that have the same value on every version. */
const VM_FLAGS: readonly (readonly [bigint, number])[] = [
  [0x8n, Flag.VmaShared],
  [0x20n, Flag.VmaMaywrite],
  [0x1000n, Flag.VmaUffdWp],
  [0x40_0000n, Flag.VmaHugetlb],
  [0x200_0000n, Flag.VmaWipeonfork],
]

/** include/linux/mm_types.h, enum fault_flag. */
const FAULT_FLAGS: readonly (readonly [number, number])[] = [
  [0x1, Flag.Write],
  [0x40, Flag.User],
  [0x80, Flag.Remote],
  [0x400, Flag.Unshare],
]

/** FOLL_ flags that a caller of GUP may give: up to 6.2 (include/linux/mm.h), and since (mm_types.h). */
const FOLL_UP_TO_6_2: readonly (readonly [number, number])[] = [
  [0x1, Foll.Write],
  [0x10, Foll.Force],
  [0x20, Foll.Nowait],
  [0x1_0000, Foll.Longterm],
  [0x4_0000, Foll.Pin],
]
const FOLL: readonly (readonly [number, number])[] = [
  [0x1, Foll.Write],
  [0x8, Foll.Force],
  [0x10, Foll.Nowait],
  [0x100, Foll.Longterm],
  [0x8_0000, Foll.Pin],
]

/** What is told of a frame: bits that the script put together from page flags and page->mapping. */
const EXCLUSIVE = 1
const SWAPCACHE = 2
const LRU = 4
const LARGE = 8
const MAPPING_SHIFT = 4
/** page->mapping, low bits (include/linux/page-flags.h). */
const MAPPING_ANON = 1
const MAPPING_KSM = 3

export function vmaFlags(vm: bigint): number {
  return VM_FLAGS.reduce((flags, [bit, ours]) => ((vm & bit) === 0n ? flags : flags | ours), 0)
}

export function faultFlags(fault: number): number {
  return translated(fault, FAULT_FLAGS)
}

export function frameFlags(bits: number): number {
  const mapping = (bits >> MAPPING_SHIFT) & 3
  const kind =
    mapping === MAPPING_KSM ? Flag.Anon | Flag.Ksm : mapping === MAPPING_ANON ? Flag.Anon : Flag.File
  const isAnon = (kind & Flag.Anon) !== 0
  return (
    kind |
    // The bit has another meaning where the page is not anonymous.
    ((bits & EXCLUSIVE) !== 0 && isAnon ? Flag.Exclusive : 0) |
    ((bits & SWAPCACHE) !== 0 && isAnon ? Flag.Swapcache : 0) |
    ((bits & LRU) !== 0 ? Flag.Lru : 0) |
    ((bits & LARGE) !== 0 ? Flag.Large : 0)
  )
}

/** What a call of `by` with these flags takes, as bits of `Foll`. `by` is one of the functions that the script hooks. */
export function follOf(flags: number, by: string, isNewer: boolean): number {
  const asked = translated(flags, isNewer ? FOLL : FOLL_UP_TO_6_2)
  const way = (by.endsWith('_remote') ? Foll.Remote : 0) | (by.endsWith('_fast') ? Foll.Fast : 0)
  const isPin = by.startsWith('pin_') || (asked & Foll.Pin) !== 0
  return asked | way | (isPin ? Foll.Pin : Foll.Get)
}

/** A release as [major, minor]; what cannot be read is taken for the newest. */
export function versionOf(release: string): readonly [number, number] {
  const found = /^(\d{1,3})\.(\d{1,4})/.exec(release)
  return found === null ? [Infinity, 0] : [Number(found[1]), Number(found[2])]
}

export function isSince(
  [major, minor]: readonly [number, number],
  [a, b]: readonly [number, number],
): boolean {
  return major > a || (major === a && minor >= b)
}

function translated(flags: number, table: readonly (readonly [number, number])[]): number {
  // Beyond 32 bits there are none.
  const low = flags % 2 ** 32
  return table.reduce((ours, [bit, own]) => ((low & bit) === 0 ? ours : ours | own), 0)
}
