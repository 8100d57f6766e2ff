import type { LivePin } from '../../src/history/judge.js'
import type { Mechanics } from '../../src/policy/mechanics.js'
import {
  areaAt,
  entryAt,
  folioOf,
  isExclusive,
  isHeld,
  type Area,
  type Memory,
  type Mm,
} from '../../src/policy/simulator/memory.js'
import type { GupAsk } from '../../src/policy/simulator/gup.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { knownPins, nameOfMappings, type Known } from './known.js'
import { nameOfPage } from './page-view.js'
import { isIn } from './part.js'

/**
 * The last operation of a run: what it cannot come to, and what it depends on. `last.test.ts` holds both against searches of
 * which no last operation is left out.
 */

/**
 * As the last ones they come to nothing: they tell no event that is looked at, and let nobody write who could not before, but where
 * nobody else has the page.
 */
const QUIET: ReadonlySet<Operation['name']> = new Set([
  'fork',
  'exit',
  'settle',
  'release',
  'speculate',
  'batch',
  'protect-read-only',
  'protect-writable',
  'uffd-wp',
  'uffd-resolve',
  'split-pmd',
  'split-folio',
  'swap-out',
] as const)

/** Whether the operation comes to nothing as the last one: of itself, or as the kernel refuses it, or has nothing to do for it. */
export function isIdle(rules: Mechanics, memory: Memory, operation: Operation): boolean {
  if (QUIET.has(operation.name) || isRefused(memory, operation)) return true
  if (operation.name !== 'gup') return false
  const mm = memory.mms[operation.mm]
  return isTakenAsItIs(rules, memory, mm, mm.areas[operation.area].vpn + operation.page, operation.ask)
}

/** Whether the kernel refuses it, because somebody holds the page or it is none of those: then it does nothing, and tells nothing. */
export function isRefused(memory: Memory, operation: Operation): boolean {
  if (!('area' in operation)) return false
  const mm = memory.mms[operation.mm]
  const area = mm.areas[operation.area]
  const { vpn } = area
  switch (operation.name) {
    case 'migrate':
      return isKept(memory, mm, vpn + operation.page)
    case 'ksm-self':
    case 'ksm-join':
      return isKept(memory, mm, vpn + operation.page) || !isForKsm(memory, mm, vpn + operation.page)
    case 'collapse':
      return [vpn, vpn + 1].some((page) => isKept(memory, mm, page)) || !isForCollapse(mm, area, vpn)
    default:
      return false
  }
}

/**
 * Whether the operation takes permission to write where nobody has any. Done before the last one it lets that come to nothing, or to
 * what it comes to without.
 */
export function takesNothing(memory: Memory, operation: Operation): boolean {
  if (operation.name !== 'protect-read-only' && operation.name !== 'uffd-wp') return false
  const { areas, entries } = memory.mms[operation.mm]
  const isHere = isIn(memory, operation.area)
  return areas[operation.area].mapped && !entries.some((entry) => entry.writable && isHere(entry))
}

/** Where somebody holds the page. */
function isKept(memory: Memory, mm: Mm, vpn: number): boolean {
  const entry = entryAt(mm, vpn)
  return !entry || entry.folio === 0 || isHeld(folioOf(memory, entry))
}

function isForKsm(memory: Memory, mm: Mm, vpn: number): boolean {
  const entry = entryAt(mm, vpn)
  if (!entry || entry.uffdWp) return false
  const { order, kind } = folioOf(memory, entry)
  return order === 0 && kind === 'anon'
}

function isForCollapse(mm: Mm, { writable, uffd }: Area, vpn: number): boolean {
  return writable && !uffd && [vpn, vpn + 1].some((page) => entryAt(mm, page)?.writable)
}

/** Without a fault, or not at all. */
function isTakenAsItIs(
  { forcesBreak, pinUnshares }: Mechanics,
  memory: Memory,
  mm: Mm,
  vpn: number,
  { kind, write }: (Operation & { readonly name: 'gup' })['ask'],
): boolean {
  if (write && !areaAt(mm, vpn)?.writable) return true
  const entry = entryAt(mm, vpn)
  if (!entry || entry.folio === 0) return false
  if (entry.writable) return true
  if (write || forcesBreak) return false
  return !pinUnshares || kind === 'get' || isExclusive(folioOf(memory, entry), entry)
}

/** Of a range of one address space: what left it, or moved in it. */
const OF_RANGE: ReadonlySet<Operation['name']> = new Set(['discard', 'remap', 'unmap'] as const)

/** What the last operations in one state depend on, by name. */
export class Views {
  readonly #known: Known
  readonly #held: readonly LivePin[]
  readonly #names = new Map<number, string>()

  constructor(known: Known) {
    this.#known = known
    this.#held = knownPins(known)
  }

  /**
   * Equal for operations that come to the same: one on a range for what its address space alone maps and what was taken through that;
   * a collapse, which is refused where a page is held, for mappings and for what the history knows, whatever is held; one on a page
   * for what `nameOfPage` says. undefined: on all of its slot's part.
   */
  nameOf(operation: Operation): string | undefined {
    if (!('area' in operation)) return undefined
    const { name, mm, area } = operation
    const page = 'page' in operation ? operation.page : 0
    if (OF_RANGE.has(name)) return `${name}${page}${area}${this.#ofRange(mm, area)}`
    if (name === 'collapse') return `${name}${area}${this.#ofUnheld(mm, area)}`
    if (!('page' in operation) || this.#isLinked) return undefined
    return `${operation.name === 'gup' ? askText(operation.ask) : name}${area}${this.#ofPage(mm, area, page)}`
  }

  /** What the split of a PMD told is of a task, not of a page. */
  get #isLinked(): boolean {
    const { memory, noted, place } = this.#known
    return memory.mms.some(({ id }) => noted.splitBy(id + place.mm).length > 0)
  }

  #ofPage(at: number, area: number, page: number): string {
    const mm = this.#known.memory.mms[at]
    return this.#once(at + 2 * page, area, () =>
      nameOfPage(this.#known, this.#held, { mm, area: mm.areas[area], page }),
    )
  }

  #ofRange(at: number, area: number): string {
    return this.#once(at + 4, area, () => {
      const { memory, view, place } = this.#known
      const mm = memory.mms[at]
      const id = view.mmOf(mm.id + place.mm)
      const isHere = isIn(memory, area)
      return nameOfMappings(this.#known, [mm], {
        slots: [area],
        pins: memory.pins.filter((pin) => isHere(pin) && pin.mm === mm.id),
        held: this.#held.filter((pin) => isHere(pin) && pin.mm === id),
      })
    })
  }

  #ofUnheld(at: number, area: number): string {
    return this.#once(at + 6, area, () => {
      const { memory } = this.#known
      const order = [memory.mms[at], ...memory.mms.filter((_, other) => other !== at)]
      const held = this.#held.filter(isIn(memory, area))
      return nameOfMappings(this.#known, order, { slots: [area], pins: [], held })
    })
  }

  /** Operations of one kind on one page or range depend on the same: it is named once. */
  #once(what: number, area: number, name: () => string): string {
    const at = area * 8 + what
    const known = this.#names.get(at)
    if (known !== undefined) return known
    const named = name()
    this.#names.set(at, named)
    return named
  }
}

function askText({ kind, write }: GupAsk): string {
  return `${write ? 'write' : 'read'}-${kind}`
}
