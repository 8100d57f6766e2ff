import type { EventColumns } from '../model/events.js'
import type { Work } from './history-work.js'
import { Workload } from './workload.js'

/** Batches until all workers run and have begun to be replaced: three events a page. */
const BEFORE = 300

/** What the recorder is measured with: preforked workers that copy what they share, pin some, exit and are forked anew. */
export class PreforkedWork implements Work {
  readonly pages = 100_000
  readonly #workload = new Workload()

  measured(count: number): readonly EventColumns[] {
    const made: EventColumns[] = []
    for (let events = 0; events < count;) {
      const batch = this.#workload.next()
      made.push(batch.events)
      events += batch.events.length
    }
    return made
  }

  *before(): Generator<EventColumns> {
    for (let n = 0; n < BEFORE; n++) yield this.#workload.next().events
  }
}
