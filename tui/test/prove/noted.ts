import type { HistoryView, LivePin } from '../../src/history/judge.js'
import type { EventColumns } from '../../src/model/events.js'
import { Kind, Outcome } from '../../src/model/kinds.js'

const NONE: readonly number[] = []
/** More pages than an address space of the simulator has. */
const MOST_PAGES = 2 ** 20

/**
 * What R05 remembers beside the history: which pins there were when a slot went out to swap, and the last split of a PMD
 * under each task's fault. Told from the events, and kept at least as long as the rule keeps it.
 */
export class Noted {
  readonly #swapped = new Map<number, readonly number[]>()
  readonly #splits = new Map<number, readonly number[]>()

  note(events: EventColumns, i: number, view: HistoryView): void {
    switch (events.kind[i]) {
      case Kind.SwapOut: {
        const pins = view.pinsIn(view.mmOf(events.mm[i]), events.vpn[i], 1)
        this.#swapped.set(
          slotOf(events.mm[i], events.vpn[i]),
          pins.map(({ pin }) => pin),
        )
        return
      }
      case Kind.SwapIn:
        this.#swapped.delete(slotOf(events.mm[i], events.vpn[i]))
        return
      case Kind.HugeWp:
        if (events.outcome[i] === Outcome.Fallback) {
          const { refcount, mapcount, pincount, aux } = events
          const counts = [refcount[i], mapcount[i], pincount[i], aux[i] | 0, Math.floor(aux[i] / 2 ** 32)]
          this.#splits.set(events.mm[i], counts)
        }
        return
      case Kind.WpFault:
      case Kind.HugetlbWp:
        if (events.outcome[i] === Outcome.Copy || events.outcome[i] === Outcome.Unshare)
          this.#splits.delete(events.mm[i])
    }
  }

  /** Whether the rule remembers nothing. */
  get isEmpty(): boolean {
    if (this.#splits.size > 0) return false
    for (const pins of this.#swapped.values()) if (pins.length > 0) return false
    return true
  }

  swappedUnder(agentMm: number, vpn: number, { pin }: LivePin): boolean {
    return this.#swapped.get(slotOf(agentMm, vpn))?.includes(pin) ?? false
  }

  /** What the last split told; empty: the task's next fault has come. */
  splitBy(agentMm: number): readonly number[] {
    return this.#splits.get(agentMm) ?? NONE
  }
}

function slotOf(agentMm: number, vpn: number): number {
  return agentMm * MOST_PAGES + vpn
}
