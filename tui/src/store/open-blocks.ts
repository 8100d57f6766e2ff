import type { EventColumns } from '../model/events.js'
import { BLOCK_EVENTS } from './block.js'
import { EVENT_COLUMNS, columnBytes, columnsOver } from './columns.js'
import type { OpenBlock } from './messages.js'

/** Joins batches of events into blocks of up to `BLOCK_EVENTS`, each of one run. */
export class OpenBlocks {
  #full: OpenBlock[] = []
  #filling: Filling | undefined

  /** Blocks that are full. */
  get full(): number {
    return this.#full.length
  }

  /** Copies the events. `lastSeq` may be beyond the last event: the client's own filter left some out. */
  add(run: number, firstSeq: number, lastSeq: number, events: EventColumns): void {
    let from = 0
    do {
      const block = this.#blockOf(run, from === 0 ? firstSeq : events.seq[from])
      const count = Math.min(events.length - from, BLOCK_EVENTS - block.length)
      for (const { name } of EVENT_COLUMNS)
        block.columns[name].set(events[name].subarray(from, from + count), block.length)
      block.length += count
      from += count
      block.lastSeq = from === events.length ? lastSeq : events.seq[from - 1]
      if (block.length === BLOCK_EVENTS) this.#finish()
    } while (from < events.length)
  }

  /** All blocks so far, in order; begins anew. */
  take(): readonly OpenBlock[] {
    this.#finish()
    const blocks = this.#full
    this.#full = []
    return blocks
  }

  #blockOf(run: number, firstSeq: number): Filling {
    if (this.#filling !== undefined && this.#filling.run !== run) this.#finish()
    if (this.#filling === undefined) {
      const buffer = new ArrayBuffer(columnBytes(BLOCK_EVENTS))
      const columns = columnsOver(buffer, BLOCK_EVENTS, BLOCK_EVENTS)
      this.#filling = { run, firstSeq, lastSeq: firstSeq, length: 0, buffer, columns }
    }
    return this.#filling
  }

  #finish(): void {
    const block = this.#filling
    this.#filling = undefined
    if (block === undefined) return
    const { run, firstSeq, lastSeq, length, buffer } = block
    this.#full.push({ run, firstSeq, lastSeq, capacity: BLOCK_EVENTS, length, buffer })
  }
}

interface Filling {
  readonly run: number
  readonly firstSeq: number
  lastSeq: number
  length: number
  readonly buffer: ArrayBuffer
  readonly columns: EventColumns
}
