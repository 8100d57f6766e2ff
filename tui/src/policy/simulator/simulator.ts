import { Kind } from '../../model/kinds.js'
import { DEFAULT_PMD_ORDER } from '../../model/page-size.js'
import type { Policy } from '../policy.js'
import { readFault, splitPmd, writeFault } from './faults.js'
import { fork } from './fork.js'
import { deviceRead, deviceWrite, gup, release } from './gup.js'
import { Machine } from './machine.js'
import {
  areaAt,
  cloned,
  emptyMemory,
  entryAt,
  folioOf,
  isThp,
  newFolio,
  pageAt,
  type Area,
  type Memory,
  type Mm,
  type SlotSize,
} from './memory.js'
import { collapse, ksmMerge, migrate, splitFolio } from './moves.js'
import { pagesOf, type AreaOperation, type Operation, type SlotOperation } from './operations.js'
import { discard, exit, protect, remap, uffdProtect, uffdResolve, unmapArea } from './ranges.js'
import type { Told } from './rows.js'
import { swapIn, swapOut } from './swap.js'
import { changes, read, type Truth } from './truth.js'

/** What one operation came to. */
export interface Step {
  /** In order, without numbers and times: see `Tape`. */
  readonly told: readonly Told[]
  readonly truths: readonly Truth[]
  /** What `device-read` saw. */
  readonly seen: number | undefined
}

/** At most so many address spaces live at a time. */
export const MAX_MMS = 2

/**
 * A kernel of a few pages under one policy. It knows what became of every pin, because it keeps the contents of memory,
 * and tells what it does as the agent would.
 */
export class Simulator {
  readonly policy: Policy
  readonly #machine: Machine

  private constructor(policy: Policy, memory: Memory) {
    this.policy = policy
    this.#machine = new Machine(memory, policy.mechanics)
  }

  /** One process whose slots are mapped and were written once (of files: read); the second answer is what that told. */
  static begin(
    policy: Policy,
    sizes: readonly SlotSize[],
    hugeOrder = DEFAULT_PMD_ORDER,
  ): readonly [Simulator, readonly Told[]] {
    const simulator = new Simulator(policy, emptyMemory(hugeOrder))
    const machine = simulator.#machine
    const { hugePages } = machine.memory
    const mm: Mm = { id: ++machine.memory.lastMm, hugePages, areas: [], entries: [] }
    machine.memory.mms.push(mm)
    sizes.forEach((size, i) => {
      const pages = size === 'hugetlb' || isThp(size) ? hugePages : 1
      const isFile = size === 'file' || size === 'file-thp'
      const area: Area = {
        size,
        vpn: (i + 1) * hugePages * 2,
        pages,
        mapped: true,
        writable: size !== 'file-thp',
        uffd: false,
        file: isFile ? fileFolio(machine, size) : 0,
        anon: !isFile,
      }
      mm.areas.push(area)
      if (isFile) mapFile(machine, mm, area)
      else writeFault(machine, mm, area.vpn, 0)
    })
    return [simulator, machine.told.splice(0)]
  }

  /** A branch: what is done to it is not done to this one. */
  branch(): Simulator {
    return new Simulator(this.policy, cloned(this.#machine.memory))
  }

  get memory(): Memory {
    return this.#machine.memory
  }

  do(operation: Operation): Step {
    const { memory, told } = this.#machine
    const mm = 'mm' in operation ? memory.mms.at(operation.mm) : undefined
    const by = mm?.id ?? 0
    const seen = this.#run(operation, mm)
    return { told: told.splice(0), truths: changes(this.memory, operation, by), seen }
  }

  #run(operation: Operation, mm: Mm | undefined): number | undefined {
    switch (operation.name) {
      case 'settle':
        this.#settle()
        return undefined
      case 'release':
      case 'device-write':
      case 'device-read':
        return this.#device(operation.name, operation.pin)
      default:
        if (mm) this.#runIn(operation, mm)
        return undefined
    }
  }

  #device(name: 'release' | 'device-write' | 'device-read', order: number): number | undefined {
    const pin = this.memory.pins.find((taken) => taken.order === order)
    if (!pin) return undefined
    if (name === 'device-read') return deviceRead(this.#machine, pin)
    if (name === 'device-write') deviceWrite(this.#machine, pin)
    else release(this.#machine, pin)
    return undefined
  }

  #runIn(
    operation: Exclude<Operation, { name: 'settle' | 'release' | 'device-write' | 'device-read' }>,
    mm: Mm,
  ): void {
    if (!('area' in operation)) {
      if (operation.name === 'exit') exit(this.#machine, mm)
      else if (this.memory.mms.length < MAX_MMS) fork(this.#machine, mm)
      return
    }
    const area = mm.areas.at(operation.area)
    if (!area?.mapped) return
    if (operation.name === 'gup') {
      gup(this.#machine, mm, area.vpn + (operation.page % pagesOf(area.size)), operation.ask)
      return
    }
    if ('page' in operation)
      this.#onPage(operation.name, mm, area, area.vpn + (operation.page % pagesOf(area.size)))
    else this.#onArea(operation.name, mm, area)
  }

  #onPage(name: SlotOperation, mm: Mm, area: Area, vpn: number): void {
    const machine = this.#machine
    if (name === 'write') {
      this.#write(mm, vpn)
      return
    }
    const entry = entryAt(mm, vpn)
    if (!entry) {
      if (name === 'read') readFault(machine, mm, vpn)
      return
    }
    if (name === 'discard') {
      discard(machine, mm, area, entry, vpn)
      return
    }
    if (entry.folio === 0) {
      if (name === 'read') swapIn(machine, mm, entry, 'read')
      return
    }
    const folio = folioOf(this.memory, entry)
    switch (name) {
      case 'read':
        return
      case 'swap-out':
        swapOut(machine, folio)
        return
      case 'ksm-self':
        ksmMerge(machine, mm, entry, 'self')
        return
      case 'ksm-join':
        ksmMerge(machine, mm, entry, 'join')
        return
      case 'migrate':
        migrate(machine, folio)
        return
      case 'speculate':
        if (!this.#hasPassing) folio.passing++
        return
      case 'batch':
        if (!this.#hasPassing && folio.kind !== 'hugetlb') folio.offLru = true
    }
  }

  #write(mm: Mm, vpn: number): void {
    if (!areaAt(mm, vpn)?.writable || writeFault(this.#machine, mm, vpn, 0) !== 'done') return
    const entry = entryAt(mm, vpn)
    if (!entry || entry.folio === 0) return
    folioOf(this.memory, entry).pages[pageAt(entry, vpn)].content = this.#machine.nextContent()
  }

  #onArea(name: AreaOperation, mm: Mm, area: Area): void {
    const machine = this.#machine
    const entry = entryAt(mm, area.vpn)
    switch (name) {
      case 'protect-read-only':
        if (area.writable) protect(machine, mm, area, 'read-only')
        return
      case 'protect-writable':
        // What its file's pages are mapped huge for is text: nobody writes there.
        if (!area.writable && area.size !== 'file-thp') protect(machine, mm, area, 'writable')
        return
      case 'uffd-wp':
        if (area.size !== 'hugetlb' && area.file === 0) uffdProtect(machine, mm, area)
        return
      case 'uffd-resolve':
        if (area.uffd) uffdResolve(machine, mm, area)
        return
      case 'split-pmd':
        if (area.size === 'thp' && entry?.huge) splitPmd(machine, mm, entry)
        return
      case 'split-folio':
        if (area.size === 'thp' && entry && entry.folio !== 0)
          splitFolio(machine, folioOf(this.memory, entry))
        return
      case 'collapse':
        collapse(machine, mm, area)
        return
      case 'remap':
        remap(machine, mm, area, otherHome(this.memory, area))
        return
      case 'unmap':
        unmapArea(machine, mm, area)
    }
  }

  /** One passing reference at a time: they are told from none, not from each other. */
  get #hasPassing(): boolean {
    return this.memory.folios.some((folio) => folio && (folio.passing > 0 || folio.offLru))
  }

  #settle(): void {
    for (const folio of this.memory.folios) {
      if (!folio) continue
      folio.passing = 0
      folio.offLru = false
      this.#machine.settle(folio)
    }
  }

  /** What a process would read now; undefined where nothing is mapped. */
  contentAt(mm: number, area: number, page: number): number | undefined {
    const owner = this.memory.mms.at(mm)
    const slot = owner?.areas.at(area)
    return owner && slot ? read(this.memory, owner, slot.vpn + page) : undefined
  }
}

/** A folio of the page cache, with its contents. */
function fileFolio(machine: Machine, size: SlotSize): number {
  const folio = newFolio(machine.memory, size, false)
  for (const page of folio.pages) page.content = machine.nextContent()
  return folio.id
}

/** Mapped before the agent looks: told as it is met. */
function mapFile(machine: Machine, mm: Mm, area: Area): void {
  readFault(machine, mm, area.vpn)
  const entry = entryAt(mm, area.vpn)
  if (entry) machine.tell(Kind.Snapshot, mm, { ...machine.facts(mm, entry, area.vpn), pages: area.pages })
}

/** Where mremap puts an area: each has two homes, huge ones aligned. */
function otherHome({ hugePages }: Memory, { vpn }: Area): number {
  return vpn % (hugePages * 2) === 0 ? vpn + hugePages : vpn - hugePages
}
