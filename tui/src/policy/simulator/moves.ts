import { Kind, Outcome, Protection } from '../../model/kinds.js'
import { splitPmd } from './faults.js'
import type { Machine } from './machine.js'
import { folioFlags, frameFacts } from './machine.js'
import {
  areaAt,
  entryAt,
  folioOf,
  isHeld,
  newFolio,
  refcount,
  type Area,
  type Entry,
  type Folio,
  type Memory,
  type Mm,
} from './memory.js'

/** What the kernel does to frames behind the back of their owners: migration, KSM, splits and collapse of folios. */

const EBUSY = 16

interface Mapping {
  readonly mm: Mm
  readonly entry: Entry
}

function mappingsOf(memory: Memory, folio: Folio): readonly Mapping[] {
  return memory.mms.flatMap((mm) =>
    mm.entries.filter((entry) => entry.folio === folio.id).map((entry) => ({ mm, entry })),
  )
}

/** mm/migrate.c: folio_migrate_mapping() refuses where references are left that it does not know. */
export function migrate(machine: Machine, folio: Folio): boolean {
  if (isHeld(folio) || folio.kind === 'ksm' || folio.kind === 'file') return false
  const { memory } = machine
  const target = newFolio(
    memory,
    folio.order === 0 ? 'base' : folio.kind === 'hugetlb' ? 'hugetlb' : 'thp',
    false,
  )
  target.swap = folio.swap
  folio.swap = 0
  folio.pages.forEach((page, i) => {
    target.pages[i].content = page.content
    target.pages[i].exclusive = page.exclusive
  })
  for (const { entry } of mappingsOf(memory, folio)) {
    machine.unmap(entry)
    machine.map(entry, target, 'migrate')
  }
  machine.tell(Kind.Migrate, undefined, {
    oldPfn: folio.pfn,
    newPfn: target.pfn,
    pages: folio.order === 0 ? 1 : machine.memory.hugePages,
    order: folio.order,
    refcount: 1,
    flags: folioFlags(folio),
    newRefcount: refcount(target),
  })
  machine.settle(folio)
  return true
}

/**
 * mm/ksm.c: try_to_merge_one_page(). `self`: the page becomes a KSM page; `join`: it is replaced by one that a process
 * elsewhere shares already. write_protect_page() refuses where somebody holds the page.
 */
export function ksmMerge(machine: Machine, mm: Mm, entry: Entry, how: 'self' | 'join'): boolean {
  const folio = folioOf(machine.memory, entry)
  if (folio.order > 0 || folio.kind !== 'anon' || isHeld(folio) || entry.uffdWp || folio.weights[0] > 1)
    return false
  // KSM itself holds a reference while it looks.
  folio.passing++
  machine.tell(Kind.Wrprotect, mm, { ...machine.facts(mm, entry, entry.vpn), aux: Protection.Ksm })
  entry.writable = false
  folio.pages[0].exclusive = false
  const facts = machine.facts(mm, entry, entry.vpn)
  folio.passing--
  if (how === 'self') {
    folio.kind = 'ksm'
    entry.by = 'ksm'
    machine.tell(Kind.KsmMerge, mm, { ...facts, newPfn: folio.pfn })
    return true
  }
  const shared = newFolio(machine.memory, 'base', false)
  shared.kind = 'ksm'
  shared.pages[0].content = folio.pages[0].content
  machine.unmap(entry)
  machine.map(entry, shared, 'ksm')
  machine.tell(Kind.KsmMerge, mm, { ...facts, newPfn: shared.pfn, newRefcount: refcount(shared) })
  machine.settle(folio)
  return true
}

/** mm/huge_memory.c: split_huge_page_to_list(), __folio_split(): refused where somebody holds the folio. */
export function splitFolio(machine: Machine, folio: Folio): boolean {
  if (folio.order === 0 || folio.kind === 'hugetlb') return false
  const told = {
    oldPfn: folio.pfn,
    pages: machine.memory.hugePages,
    ...frameFacts(folio, 0),
    flags: folioFlags(folio),
  }
  if (isHeld(folio)) {
    machine.tell(Kind.FolioSplit, undefined, { ...told, outcome: Outcome.Failed, aux: EBUSY * 256 })
    return false
  }
  const { memory } = machine
  for (const { mm, entry } of mappingsOf(memory, folio)) if (entry.huge) splitPmd(machine, mm, entry)
  machine.tell(Kind.FolioSplit, undefined, { ...told, ...frameFacts(folio, 0), aux: 0 })
  const mappings = mappingsOf(memory, folio)
  folio.pages.forEach((page, i) => {
    const part: Folio = {
      ...newFolio(memory, 'base', page.exclusive),
      pfn: folio.pfn + i,
      weights: [folio.weights[i]],
      pages: [{ ...page, maps: 0 }],
    }
    memory.folios[part.id] = part
    for (const { entry } of mappings) {
      if (entry.page !== i || entry.folio !== folio.id) continue
      entry.page = 0
      machine.map(entry, part, entry.by)
    }
    if (refcount(part) === 0) machine.settle(part)
  })
  memory.folios[folio.id] = undefined
  return true
}

/** mm/khugepaged.c: collapse_huge_page(): refused where a page has references beyond its mappings and the swap cache. */
export function collapse(machine: Machine, mm: Mm, area: Area): boolean {
  const { memory } = machine
  const entries = mm.entries.filter(({ vpn }) => areaAt(mm, vpn) === area)
  if (area.size !== 'thp' || !area.mapped || !area.writable || area.uffd) return false
  if (entries.length < 2 || entries.some(({ huge, folio }) => huge || folio === 0)) return false
  if (!entries.some(({ writable }) => writable)) return false
  const folios = [...new Set(entries.map(({ folio }) => folio))].map((folio) => folioOf(memory, { folio }))
  if (folios.some(isHeld)) return false
  const fresh = machine.allocate('thp')
  for (const page of fresh.pages.keys()) {
    const part = entryAt(mm, area.vpn + page)
    if (!part) continue
    const old = machine.unmap(part)
    fresh.pages[page].content = old.pages[part.page].content
  }
  mm.entries = mm.entries.filter((entry) => !entries.includes(entry))
  const entry: Entry = {
    vpn: area.vpn,
    huge: true,
    folio: 0,
    page: 0,
    writable: true,
    uffdWp: false,
    swap: 0,
    swapExclusive: false,
    by: '',
  }
  machine.map(entry, fresh, 'collapse')
  mm.entries.push(entry)
  machine.tell(Kind.Collapse, mm, {
    vpn: area.vpn,
    pages: machine.memory.hugePages,
    newPfn: fresh.pfn,
    order: machine.memory.hugeOrder,
    newRefcount: refcount(fresh),
    flags: folioFlags(fresh),
  })
  for (const folio of folios) machine.settle(folio)
  return true
}
