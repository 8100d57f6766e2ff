import type { HistoryView, LivePin, SlotView } from '../../src/history/judge.js'
import type { EventColumns } from '../../src/model/events.js'
import { Foll, Kind, Outcome } from '../../src/model/kinds.js'
import { keyOf, type Names } from '../../src/policy/simulator/key.js'
import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Place } from '../../src/policy/simulator/rows.js'

/** What the history and the rules know of one run, as text: with the simulator's own state, what tells states apart. */

/**
 * What R05 remembers beside the history: which pins there were when a slot went out to swap, and the last split of a PMD
 * under each task's fault. Told from the events, and kept at least as long as the rule keeps it.
 */
export class Noted {
  readonly #swapped = new Map<string, ReadonlySet<number>>()
  readonly #splits = new Map<number, string>()

  note(events: EventColumns, i: number, view: HistoryView): void {
    switch (events.kind[i]) {
      case Kind.SwapOut: {
        const pins = view.pinsIn(view.mmOf(events.mm[i]), events.vpn[i], 1)
        this.#swapped.set(slotName(events.mm[i], events.vpn[i]), new Set(pins.map(({ pin }) => pin)))
        return
      }
      case Kind.SwapIn:
        this.#swapped.delete(slotName(events.mm[i], events.vpn[i]))
        return
      case Kind.HugeWp:
        if (events.outcome[i] === Outcome.Fallback)
          this.#splits.set(
            events.mm[i],
            [events.refcount, events.mapcount, events.pincount, events.aux].map((c) => c[i]).join(),
          )
        return
      case Kind.WpFault:
      case Kind.HugetlbWp:
        if (events.outcome[i] === Outcome.Copy || events.outcome[i] === Outcome.Unshare)
          this.#splits.delete(events.mm[i])
    }
  }

  /** Whether the rule remembers nothing. */
  get isEmpty(): boolean {
    return this.#splits.size === 0 && [...this.#swapped.values()].every(({ size }) => size === 0)
  }

  swappedUnder(agentMm: number, vpn: number, { pin }: LivePin): boolean {
    return this.#swapped.get(slotName(agentMm, vpn))?.has(pin) ?? false
  }

  splitBy(agentMm: number): string {
    return this.#splits.get(agentMm) ?? ''
  }
}

function slotName(agentMm: number, vpn: number): string {
  return `${agentMm}:${vpn}`
}

/** Where the run lies among others, and what it has come to. */
export interface Known {
  readonly view: HistoryView
  readonly noted: Noted
  readonly place: Place
  readonly memory: Memory
}

/** More folios than any short run has at a time. */
const MOST_FOLIOS = 24

/** References that the history has of the run. */
export function knownPins({ view, place, memory }: Known): readonly LivePin[] {
  return view.pinsOn(place.pfn, MOST_FOLIOS * memory.hugePages)
}

/** Equal for states of simulator, history and rules from which the same can follow. */
export function stateName(known: Known): string {
  return keyOf(known.memory, (names) => knownText(known, names))
}

/** What is known of the slots and frames that have names, by the names that the simulator's key gives them. */
export function knownText(known: Known, names: Names, pins = knownPins(known)): string {
  const { view, noted, place, memory } = known
  const { hugePages } = memory
  const pageName = (pfn: number) => names.page(pfn - place.pfn) ?? `?${pfn - place.pfn}`
  const owners = new Map<number, number>()
  const slots = names.mms.map((mm, order) => {
    const id = view.mmOf(mm.id + place.mm)
    owners.set(id, order)
    const text = mm.areas.flatMap((area) =>
      homesOf(area.vpn, hugePages).map((vpn) => {
        const slot = view.slotAt(id, vpn)
        const out = pins.map((pin) => (noted.swappedUnder(mm.id + place.mm, vpn, pin) ? '1' : '0')).join('')
        return `${slot ? slotText(slot, pageName) : '-'}${out}`
      }),
    )
    return `${noted.splitBy(mm.id + place.mm)}/${text.join()}`
  })
  const held = pins.map((pin) => {
    const since = (view.slotAt(pin.mm, pin.vpn)?.fromNs ?? 0) <= pin.fromNs ? 's' : ''
    return (
      `${owners.get(pin.mm) ?? 'gone'}@${pin.vpn}:${pageName(pin.pfn)}${pin.foll & (Foll.Pin | Foll.Write)}` +
      `h${pin.held}${pin.isCertain ? 'c' : ''}${pin.splitNs > 0 ? 'S' : ''}${since}`
    )
  })
  const certain = names.folios
    .flatMap((folio) => (folio ? folio.pages.map((_, page) => folio.pfn + page) : []))
    .map((pfn) => `${pageName(pfn + place.pfn)}${view.isFrameCertain(pfn + place.pfn) ? 'c' : 'd'}`)
    .sort()
  return `#${slots.join('|')}#${held.join()}#${certain.join()}`
}

/** All pages of both homes of an area. */
function homesOf(vpn: number, hugePages: number): readonly number[] {
  const first = vpn - (vpn % (2 * hugePages))
  return Array.from({ length: 2 * hugePages }, (_, page) => first + page)
}

/** Why it was mapped is left out: findings are explained by that, and none is raised or judged by it. */
function slotText(slot: SlotView, pageName: (pfn: number) => string): string {
  const { pfn, order, isPmdMapped, isCertain, protectedBy } = slot
  return `${pageName(pfn)}o${order}${isPmdMapped ? 'W' : ''}${isCertain ? 'c' : ''}.${protectedBy}`
}
