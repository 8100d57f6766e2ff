import { Flag, Kind, Outcome, UffdReason } from '../../model/kinds.js'
import { decideBase, decideHuge, decideHugetlb, type Decision } from './decide.js'
import { folioFlags, frameFacts, areaFlags, type Machine } from './machine.js'
import {
  areaAt,
  entryAt,
  folioOf,
  isExclusive,
  pageAt,
  refcount,
  totalMaps,
  type Area,
  type Entry,
  type Folio,
  type Mm,
} from './memory.js'
import type { Told } from './rows.js'
import { swapIn } from './swap.js'

/** Faults on pages that are mapped, and first touches. */

export interface Fault {
  /** `unshare`: FAULT_FLAG_UNSHARE, for a reader that must not share. */
  readonly access: 'write' | 'unshare'
  /** Foll bits of the GUP call that makes it; 0: the process itself. */
  readonly foll: number
}

/**
 * Makes [vpn] writable for a write, as handle_mm_fault() would: `done`, `blocked` where userfaultfd has it, `refused` where
 * the process may not.
 */
export function writeFault(
  machine: Machine,
  mm: Mm,
  vpn: number,
  foll: number,
): 'done' | 'blocked' | 'refused' {
  const area = areaAt(mm, vpn)
  // A forced break comes through protections, as FOLL_FORCE does; a process does not.
  if (!area || (!area.writable && foll === 0)) return 'refused'
  const entry = entryAt(mm, vpn)
  if (!entry) {
    touch(machine, mm, area, vpn)
    return 'done'
  }
  if (entry.folio === 0) {
    swapIn(machine, mm, entry, 'write')
    return entry.writable ? 'done' : writeFault(machine, mm, vpn, foll)
  }
  if (entry.writable) return 'done'
  if (entry.uffdWp) {
    tellUffd(machine, mm, entry, vpn, foll)
    return 'blocked'
  }
  wpFault(machine, mm, vpn, { access: 'write', foll })
  return 'done'
}

/** A write to what maps nothing. */
function touch(machine: Machine, mm: Mm, area: Area, vpn: number): void {
  area.anon = true
  const huge =
    area.size === 'hugetlb' ||
    (area.size === 'thp' && !mm.entries.some((entry) => areaAt(mm, entry.vpn) === area))
  const folio = machine.allocate(huge ? area.size : 'base')
  const entry = { ...emptyEntry(huge ? area.vpn : vpn, huge), writable: area.writable }
  for (const page of folio.pages) page.content = machine.nextContent()
  machine.map(entry, folio, 'new')
  mm.entries.push(entry)
  machine.tell(Kind.AnonNew, mm, {
    vpn: entry.vpn,
    pages: huge ? machine.memory.hugePages : 1,
    newPfn: folio.pfn,
    order: folio.order,
    newRefcount: refcount(folio),
    flags: Flag.Anon | (folio.order > 0 ? Flag.Large : 0) | (area.size === 'hugetlb' ? Flag.Hugetlb : 0),
  })
}

/** A read of what maps nothing yet; of anonymous memory that is the zero page, which is not simulated. */
export function readFault(machine: Machine, mm: Mm, vpn: number): void {
  const area = areaAt(mm, vpn)
  const folio = area && machine.memory.folios[area.file]
  if (!folio || entryAt(mm, vpn)) return
  const entry = emptyEntry(area.vpn, folio.order > 0)
  machine.map(entry, folio, 'file')
  mm.entries.push(entry)
}

function emptyEntry(vpn: number, huge: boolean): Entry {
  return {
    vpn,
    huge,
    folio: 0,
    page: 0,
    writable: false,
    uffdWp: false,
    swap: 0,
    swapExclusive: false,
    by: '',
  }
}

function tellUffd(machine: Machine, mm: Mm, entry: Entry, vpn: number, foll: number): void {
  const folio = folioOf(machine.memory, entry)
  machine.tell(kindOf(entry, folio), mm, {
    ...machine.facts(mm, entry, vpn),
    outcome: Outcome.Uffd,
    flags: machine.flags(mm, entry, folio) | Flag.Write | callFlags(foll),
    aux: foll + mappingsTold(folio, pageAt(entry, vpn)),
  })
  machine.tell(Kind.UffdMessage, mm, { vpn, aux: UffdReason.Wp })
}

/** A fault on a present, write-protected page. Only `entry`'s own page is looked at, and the folio behind it. */
export function wpFault(machine: Machine, mm: Mm, vpn: number, fault: Fault): void {
  const entry = entryAt(mm, vpn)
  if (!entry) return
  const folio = folioOf(machine.memory, entry)
  if (folio.kind === 'hugetlb') {
    end(machine, mm, entry, entry.vpn, fault, decideHugetlb(folio))
    return
  }
  if (!entry.huge) {
    end(machine, mm, entry, vpn, fault, decideBase(machine.rules, machine.memory, folio, entry))
    return
  }
  if (decideHuge(machine.rules, machine.memory, folio) === 'reuse') {
    end(machine, mm, entry, entry.vpn, fault, 'reuse')
    return
  }
  machine.tell(Kind.HugeWp, mm, {
    ...machine.facts(mm, entry, entry.vpn),
    pages: machine.memory.hugePages,
    outcome: Outcome.Fallback,
    flags: machine.flags(mm, entry, folio) | accessFlags(fault),
    aux: fault.foll + mappingsTold(folio, 0),
  })
  splitPmd(machine, mm, entry)
  wpFault(machine, mm, vpn, fault)
}

function end(machine: Machine, mm: Mm, entry: Entry, vpn: number, fault: Fault, decision: Decision): void {
  if (decision === 'reuse') reuse(machine, mm, entry, vpn, fault)
  else copy(machine, mm, entry, vpn, fault)
}

/** mm/hugetlb.c: hugetlb_fault() holds the page itself while it decides (read in 5.10.262, 6.1.192, 6.12.117). */
function countedBy(folio: Folio, facts: Told): Told {
  return folio.kind === 'hugetlb' ? { ...facts, refcount: (facts.refcount ?? 0) + 1 } : facts
}

/** Upper half of aux: mappings of all pages of a large folio, plus 1, where GUP took the page; 0: not counted. */
function mappingsTold(folio: Folio, page: number): number {
  const isCounted = folio.order > 0 && folio.kind !== 'hugetlb' && folio.pages[page].taken
  return isCounted ? (totalMaps(folio) + 1) * 2 ** 32 : 0
}

function reuse(machine: Machine, mm: Mm, entry: Entry, vpn: number, fault: Fault): void {
  const folio = folioOf(machine.memory, entry)
  const wasExclusive = isExclusive(folio, entry)
  const becomesExclusive = !wasExclusive && machine.rules.reuseBase === 'exclusive'
  machine.tell(kindOf(entry, folio), mm, {
    ...countedBy(folio, machine.facts(mm, entry, vpn)),
    pages: entry.huge ? machine.memory.hugePages : 1,
    newPfn: folio.pfn + pageAt(entry, vpn),
    outcome: fault.access === 'write' ? Outcome.Reuse : Outcome.UnshareNoop,
    flags:
      machine.flags(mm, entry, folio) |
      accessFlags(fault) |
      Flag.CountsAtDecision |
      (becomesExclusive ? Flag.MadeExclusive : 0),
    aux: fault.foll + mappingsTold(folio, pageAt(entry, vpn)),
  })
  if (becomesExclusive)
    for (const page of entry.huge ? folio.pages : [folio.pages[entry.page]]) page.exclusive = true
  if (fault.access === 'write') allowWrite(mm, entry)
}

function copy(machine: Machine, mm: Mm, entry: Entry, vpn: number, fault: Fault): void {
  const old = folioOf(machine.memory, entry)
  const facts = countedBy(old, machine.facts(mm, entry, vpn))
  const flags = machine.flags(mm, entry, old) | accessFlags(fault)
  const aux = fault.foll + mappingsTold(old, pageAt(entry, vpn))
  const fresh = machine.allocate(old.kind === 'hugetlb' ? 'hugetlb' : 'base')
  fresh.pages[0].content = old.pages[entry.page].content
  machine.unmap(entry)
  entry.page = 0
  const area = areaAt(mm, vpn)
  if (area) area.anon = true
  machine.map(entry, fresh, fault.access === 'write' ? 'copy' : 'unshare')
  if (fault.access === 'write') allowWrite(mm, entry)
  machine.tell(kindOf(entry, old), mm, {
    ...facts,
    pages: entry.huge ? machine.memory.hugePages : 1,
    newPfn: fresh.pfn,
    outcome: fault.access === 'write' ? Outcome.Copy : Outcome.Unshare,
    flags,
    newRefcount: refcount(fresh),
    aux,
  })
  machine.settle(old)
}

/** maybe_mkwrite(): a forced fault on a read-only mapping leaves its copy read-only. */
function allowWrite(mm: Mm, entry: Entry): void {
  entry.writable = areaAt(mm, entry.vpn)?.writable ?? false
}

/** A PMD becomes a page table: the same frames, each mapped by itself. */
export function splitPmd(machine: Machine, mm: Mm, entry: Entry): void {
  const folio = folioOf(machine.memory, entry)
  machine.tell(Kind.PmdSplit, mm, {
    vpn: entry.vpn,
    pages: machine.memory.hugePages,
    oldPfn: folio.pfn,
    order: machine.memory.hugeOrder,
    ...frameFacts(folio, 0),
    flags:
      folioFlags(folio) |
      areaFlags(areaAt(mm, entry.vpn)) |
      Flag.PmdMapped |
      (folio.pages[0].exclusive ? Flag.Exclusive : 0),
  })
  folio.wholeMaps--
  for (const page of folio.pages) page.exclusive = folio.pages[0].exclusive
  mm.entries = mm.entries.filter((other) => other !== entry)
  folio.pages.forEach((_, page) => {
    const part: Entry = { ...entry, huge: false, page, vpn: entry.vpn + page }
    machine.map(part, folio, entry.by)
    mm.entries.push(part)
  })
}

/** Rounds of a GUP call that gets nowhere; a kernel would go on until a signal. */
const ROUNDS = 16

/**
 * A reader's forced break of a huge page of a file (5.8's, and its backports): the page may not be taken while it is read-only, and
 * the fault that should change that has nothing to copy for a PMD (Wilcox, 2 Dec 2021). Told as the leg huge-wp tells
 * faults that are to be made again; no kernel that the agent runs on does it.
 */
export function turnInCircles(machine: Machine, mm: Mm, entry: Entry, foll: number): void {
  const folio = folioOf(machine.memory, entry)
  for (let round = 0; round < ROUNDS; round++)
    machine.tell(Kind.HugeWp, mm, {
      ...machine.facts(mm, entry, entry.vpn),
      pages: machine.memory.hugePages,
      outcome: Outcome.Retry,
      flags: machine.flags(mm, entry, folio) | Flag.Write | callFlags(foll),
      aux: foll,
    })
}

function kindOf(entry: Entry, folio: Folio): number {
  if (folio.kind === 'hugetlb') return Kind.HugetlbWp
  return entry.huge ? Kind.HugeWp : Kind.WpFault
}

function accessFlags({ access, foll }: Fault): number {
  return (access === 'write' ? Flag.Write : Flag.Unshare) | callFlags(foll)
}

function callFlags(foll: number): number {
  return foll === 0 ? Flag.User : Flag.InGup
}
