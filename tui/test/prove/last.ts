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
import type { Operation } from '../../src/policy/simulator/operations.js'
import { knownPins, nameOfMappings, type Known } from './known.js'
import { isIn } from './part.js'

/**
 * The last operation of a run: what it cannot come to, and what it depends on. `last.test.ts` holds both against searches of
 * which no last operation is left out.
 */

/** As the last ones they come to nothing: they tell no event that is looked at, and let nobody write who could not before. */
const QUIET: ReadonlySet<Operation['name']> = new Set([
  'fork',
  'exit',
  'settle',
  'release',
  'speculate',
  'batch',
  'protect-read-only',
  'uffd-wp',
  'split-pmd',
  'split-folio',
  'swap-out',
] as const)

/** Whether the operation comes to nothing as the last one: of itself, or as the kernel refuses it, or has nothing to do for it. */
export function isIdle(rules: Mechanics, memory: Memory, operation: Operation): boolean {
  if (QUIET.has(operation.name)) return true
  if (!('area' in operation)) return false
  const mm = memory.mms[operation.mm]
  const area = mm.areas[operation.area]
  const { vpn } = area
  switch (operation.name) {
    case 'migrate':
      return isRefused(memory, mm, vpn + operation.page)
    case 'ksm-self':
    case 'ksm-join':
      return isRefused(memory, mm, vpn + operation.page) || !isForKsm(memory, mm, vpn + operation.page)
    case 'collapse':
      return [vpn, vpn + 1].some((page) => isRefused(memory, mm, page)) || !isForCollapse(mm, area, vpn)
    case 'gup':
      return isTakenAsItIs(rules, memory, mm, vpn + operation.page, operation.ask)
    default:
      return false
  }
}

/** Where somebody holds the page. */
function isRefused(memory: Memory, mm: Mm, vpn: number): boolean {
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
/** What is refused where somebody holds a page. */
const OF_UNHELD: ReadonlySet<Operation['name']> = new Set([
  'migrate',
  'ksm-self',
  'ksm-join',
  'collapse',
] as const)

/** What the last operations in one state depend on, by name. */
export class Views {
  readonly #known: Known
  readonly #names = new Map<number, string>()

  constructor(known: Known) {
    this.#known = known
  }

  /**
   * Equal for operations that come to the same: one on a range for what its address space alone maps and what was taken through
   * that; one that is refused where a page is held, for mappings and for what the history knows, whatever is held elsewhere.
   * undefined: on all of its slot's part.
   */
  nameOf(operation: Operation): string | undefined {
    if (!('area' in operation)) return undefined
    const isOfRange = OF_RANGE.has(operation.name)
    if (!isOfRange && !OF_UNHELD.has(operation.name)) return undefined
    const { mm, area, name } = operation
    const at = (area * 2 + mm) * 2 + (isOfRange ? 1 : 0)
    let view = this.#names.get(at)
    if (view === undefined)
      this.#names.set(at, (view = this.#viewOf(mm, area, isOfRange ? 'range' : 'unheld')))
    return `${name}${'page' in operation ? operation.page : ''}${area}${view}`
  }

  #viewOf(at: number, area: number, of: 'range' | 'unheld'): string {
    const known = this.#known
    const { memory, view, place } = known
    const mm = memory.mms[at]
    const isHere = isIn(memory, area)
    const held = knownPins(known).filter(isHere)
    if (of === 'unheld') {
      const order = [mm, ...memory.mms.filter((one) => one !== mm)]
      return nameOfMappings(known, order, { slots: [area], pins: [], held })
    }
    const id = view.mmOf(mm.id + place.mm)
    return nameOfMappings(known, [mm], {
      slots: [area],
      pins: memory.pins.filter((pin) => isHere(pin) && pin.mm === mm.id),
      held: held.filter((pin) => pin.mm === id),
    })
  }
}
