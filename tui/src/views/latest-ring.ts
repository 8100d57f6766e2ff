import type { EventColumns } from '../model/events.js'
import { Flag } from '../model/kinds.js'
import type { PageEvent } from './live-snapshot.js'
import type { PageCounts } from './page.js'

/** The last page events, in columns of fixed size: keeping one allocates nothing. */
export class LatestRing {
  readonly #capacity: number
  readonly #seq: Float64Array
  readonly #timeNs: Float64Array
  readonly #vpn: Float64Array
  readonly #oldPfn: Float64Array
  readonly #newPfn: Float64Array
  readonly #tgid: Uint32Array
  readonly #refcount: Int32Array
  readonly #mapcount: Int32Array
  readonly #pincount: Int32Array
  readonly #newRefcount: Int32Array
  readonly #exclusive: Uint8Array
  readonly #kind: Uint8Array
  readonly #outcome: Uint8Array
  #written = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#seq = new Float64Array(capacity)
    this.#timeNs = new Float64Array(capacity)
    this.#vpn = new Float64Array(capacity)
    this.#oldPfn = new Float64Array(capacity)
    this.#newPfn = new Float64Array(capacity)
    this.#tgid = new Uint32Array(capacity)
    this.#refcount = new Int32Array(capacity)
    this.#mapcount = new Int32Array(capacity)
    this.#pincount = new Int32Array(capacity)
    this.#newRefcount = new Int32Array(capacity)
    this.#exclusive = new Uint8Array(capacity)
    this.#kind = new Uint8Array(capacity)
    this.#outcome = new Uint8Array(capacity)
  }

  push(events: EventColumns, i: number): void {
    const at = this.#written++ % this.#capacity
    this.#seq[at] = events.seq[i]
    this.#timeNs[at] = events.timeNs[i]
    this.#vpn[at] = events.vpn[i]
    this.#oldPfn[at] = events.oldPfn[i]
    this.#newPfn[at] = events.newPfn[i]
    this.#tgid[at] = events.tgid[i]
    this.#refcount[at] = events.refcount[i]
    this.#mapcount[at] = events.mapcount[i]
    this.#pincount[at] = events.pincount[i]
    this.#newRefcount[at] = events.newRefcount[i]
    this.#exclusive[at] = (events.flags[i] & Flag.Exclusive) === 0 ? 0 : 1
    this.#kind[at] = events.kind[i]
    this.#outcome[at] = events.outcome[i]
  }

  /** At most `limit` events, newest first; `commOf` names their processes. */
  newestFirst(limit: number, commOf: (tgid: number) => string): readonly PageEvent[] {
    const length = Math.min(limit, this.#written, this.#capacity)
    return Array.from({ length }, (_, back) => this.#event(back, commOf))
  }

  /** The events of one page that are still held, oldest first. */
  ofPage(tgid: number, vpn: number, commOf: (tgid: number) => string): readonly PageEvent[] {
    const found: PageEvent[] = []
    for (let back = Math.min(this.#written, this.#capacity) - 1; back >= 0; back--) {
      const at = this.#at(back)
      if (this.#vpn[at] === vpn && this.#tgid[at] === tgid) found.push(this.#event(back, commOf))
    }
    return found
  }

  /** What the kernel counted at event `seq` of the run that is on; null: it is not held. */
  countsAt(seq: number): PageCounts | null {
    // Events come in order of sequence.
    let [newer, older] = [0, Math.min(this.#written, this.#capacity)]
    while (newer < older) {
      const middle = (newer + older) >> 1
      if (this.#seq[this.#at(middle)] > seq) newer = middle + 1
      else older = middle
    }
    const at = this.#at(newer)
    if (this.#written === 0 || this.#seq[at] !== seq) return null
    return {
      refcount: this.#refcount[at],
      mapcount: this.#mapcount[at],
      pincount: this.#pincount[at],
      exclusive: this.#exclusive[at] === 1,
      newRefcount: this.#newRefcount[at],
    }
  }

  #at(back: number): number {
    return (this.#written - 1 - back) % this.#capacity
  }

  #event(back: number, commOf: (tgid: number) => string): PageEvent {
    const at = this.#at(back)
    const tgid = this.#tgid[at]
    return {
      seq: this.#seq[at],
      timeNs: this.#timeNs[at],
      tgid,
      comm: commOf(tgid),
      kind: this.#kind[at],
      outcome: this.#outcome[at],
      vpn: this.#vpn[at],
      oldPfn: this.#oldPfn[at],
      newPfn: this.#newPfn[at],
      refcount: this.#refcount[at],
      mapcount: this.#mapcount[at],
    }
  }
}
