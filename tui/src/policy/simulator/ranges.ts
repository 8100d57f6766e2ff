import { Kind, Protection } from '../../model/kinds.js'
import { splitPmd } from './faults.js'
import { areaFlags, type Machine } from './machine.js'
import { areaAt, folioOf, isExclusive, type Area, type Entry, type Mm } from './memory.js'

/** What a process does to ranges of its own addresses. */

function entriesOf(mm: Mm, area: Area): readonly Entry[] {
  return mm.entries.filter(({ vpn }) => areaAt(mm, vpn) === area)
}

function tellRange(machine: Machine, kind: number, mm: Mm, area: Area, aux: number): void {
  machine.tell(kind, mm, { vpn: area.vpn, pages: area.pages, flags: areaFlags(area), aux })
}

/** mm/mprotect.c: change_protection(). */
export function protect(machine: Machine, mm: Mm, area: Area, to: 'read-only' | 'writable'): void {
  area.writable = to === 'writable'
  for (const entry of entriesOf(mm, area)) {
    if (to === 'read-only') entry.writable = false
    else upgrade(machine, entry)
  }
  tellRange(
    machine,
    Kind.Wrprotect,
    mm,
    area,
    to === 'writable' ? Protection.MprotectWritable : Protection.Mprotect,
  )
}

/** mm/mprotect.c: can_change_pte_writable(), 6.1 on: an exclusive page needs no fault to be writable again. */
function upgrade({ rules, memory }: Machine, entry: Entry): void {
  if (rules.reuseBase !== 'exclusive' || entry.folio === 0 || entry.huge || entry.uffdWp) return
  if (isExclusive(folioOf(memory, entry), entry)) entry.writable = true
}

/** mm/userfaultfd.c: mwriteprotect_range(). */
export function uffdProtect(machine: Machine, mm: Mm, area: Area): void {
  area.uffd = true
  for (const entry of entriesOf(mm, area)) {
    entry.uffdWp = true
    entry.writable = false
  }
  tellRange(machine, Kind.Wrprotect, mm, area, Protection.UffdWp)
}

export function uffdResolve(machine: Machine, mm: Mm, area: Area): void {
  for (const entry of entriesOf(mm, area)) {
    entry.uffdWp = false
    if (area.writable) upgrade(machine, entry)
  }
  tellRange(machine, Kind.Wrprotect, mm, area, Protection.UffdWpResolve)
}

/** munmap(). */
export function unmapArea(machine: Machine, mm: Mm, area: Area): void {
  const entries = entriesOf(mm, area)
  tellRange(machine, Kind.Unmap, mm, area, 0)
  drop(machine, mm, entries)
  area.mapped = false
}

/** MADV_DONTNEED of one page: the mapping stays, and is filled anew when it is touched. */
export function discard(machine: Machine, mm: Mm, area: Area, entry: Entry, vpn: number): void {
  const partOfHuge = entry.huge && area.size === 'thp'
  if (partOfHuge) splitPmd(machine, mm, entry)
  const pages = area.size === 'hugetlb' ? area.pages : 1
  machine.tell(Kind.Unmap, mm, { vpn, pages, flags: areaFlags(area) })
  drop(
    machine,
    mm,
    mm.entries.filter((other) => other.vpn === vpn),
  )
}

function drop(machine: Machine, mm: Mm, entries: readonly Entry[]): void {
  mm.entries = mm.entries.filter((entry) => !entries.includes(entry))
  for (const entry of entries) {
    if (entry.folio === 0) machine.leaveSwap(entry)
    else machine.settle(machine.unmap(entry))
  }
}

/** mm/mremap.c: move_page_tables(). */
export function remap(machine: Machine, mm: Mm, area: Area, to: number): void {
  const entries = entriesOf(mm, area)
  tellRange(machine, Kind.Remap, mm, area, to)
  for (const entry of entries) {
    entry.vpn += to - area.vpn
    entry.by = 'remap'
  }
  area.vpn = to
}

/** mm/mmap.c: exit_mmap(). */
export function exit(machine: Machine, mm: Mm): void {
  machine.tell(Kind.MmExit, mm, {})
  machine.memory.mms = machine.memory.mms.filter((other) => other !== mm)
  drop(machine, mm, mm.entries)
}
