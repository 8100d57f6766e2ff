import { Kind } from '../../model/kinds.js'
import { splitPmd } from './faults.js'
import { areaFlags, tgidOf, type Machine } from './machine.js'
import {
  areaAt,
  entryAt,
  folioOf,
  isExclusive,
  pincount,
  refcount,
  type Area,
  type Entry,
  type Folio,
  type Mm,
} from './memory.js'
import { shareSwap } from './swap.js'

/** kernel/fork.c: dup_mmap(), area by area; mm/memory.c: copy_page_range(). */
export function fork(machine: Machine, parent: Mm): void {
  const { memory } = machine
  const child: Mm = { id: ++memory.lastMm, hugePages: memory.hugePages, areas: [], entries: [] }
  memory.mms.push(child)
  for (const area of parent.areas) {
    // userfaultfd does not follow into the child (no UFFD_FEATURE_EVENT_FORK here).
    child.areas.push({ ...area, uffd: false })
    if (!area.mapped) continue
    // mm/memory.c: vma_needs_copy(): what only maps a file is faulted in by the child.
    const entries = area.anon ? parent.entries.filter(({ vpn }) => areaAt(parent, vpn) === area) : []
    for (const entry of entries) copyEntry(machine, parent, child, entry)
    machine.tell(Kind.ForkVma, parent, {
      otherMm: child.id,
      vpn: area.vpn,
      pages: area.pages,
      flags: areaFlags(area),
    })
  }
  machine.tell(Kind.Fork, parent, { otherMm: child.id, otherTgid: tgidOf(child.id) })
}

function copyEntry(machine: Machine, parent: Mm, child: Mm, entry: Entry): void {
  if (entry.folio === 0) {
    shareSwap(machine, entry)
    child.entries.push({ ...entry, uffdWp: false, by: 'fork' })
    return
  }
  const folio = folioOf(machine.memory, entry)
  if (!isCopiedEarly(machine, folio, entry)) {
    share(child, machine, folio, entry)
    return
  }
  if (entry.huge && folio.kind !== 'hugetlb') {
    // mm/huge_memory.c: copy_huge_pmd() splits, and each subpage is looked at by itself.
    splitPmd(machine, parent, entry)
    for (const page of folio.pages.keys()) {
      const part = entryAt(parent, entry.vpn + page)
      if (part) copyEntry(machine, parent, child, part)
    }
    return
  }
  copyEarly(machine, parent, child, folio, entry)
}

/** mm/memory.c: copy_present_page(), page_try_dup_anon_rmap(); mm/hugetlb.c: copy_hugetlb_page_range(). */
function isCopiedEarly({ rules }: Machine, folio: Folio, entry: Entry): boolean {
  const copies = folio.kind === 'hugetlb' ? rules.copiesPinnedHugetlbAtFork : rules.copiesPinnedAtFork
  if (!copies || pincount(folio) === 0) return false
  return rules.reuseBase !== 'exclusive' || isExclusive(folio, entry)
}

function share(child: Mm, machine: Machine, folio: Folio, entry: Entry): void {
  entry.writable = false
  for (const page of entry.huge ? folio.pages : [folio.pages[entry.page]]) page.exclusive = false
  const copy: Entry = { ...entry, uffdWp: false }
  machine.map(copy, folio, 'fork')
  child.entries.push(copy)
}

function copyEarly(machine: Machine, parent: Mm, child: Mm, folio: Folio, entry: Entry): void {
  const area: Area | undefined = areaAt(parent, entry.vpn)
  // The pages that nobody looks at are copied as well; the child's copies are left out of the books.
  if (folio.weights[entry.page] > 1) return
  const fresh = machine.allocate(folio.kind === 'hugetlb' ? 'hugetlb' : 'base')
  fresh.pages[0].content = folio.pages[entry.page].content
  const copy: Entry = { ...entry, page: 0, uffdWp: false, writable: area?.writable ?? false }
  machine.map(copy, fresh, 'fork-copy')
  child.entries.push(copy)
  machine.tell(Kind.ForkCopy, parent, {
    ...machine.facts(parent, entry, entry.vpn),
    otherMm: child.id,
    newPfn: fresh.pfn,
    newRefcount: refcount(fresh),
  })
}
