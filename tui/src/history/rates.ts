import type { FactSink } from '../model/facts.js'
import { grown, KeyedRows } from './keyed-rows.js'

/** Keys that one second may have before its counts so far are told early: rows of one second add up. */
const MOST_KEYS = 65_536
const SECOND_NS = 1e9
/** Kinds and outcomes that are told apart by their low bits. */
const RECENT = 512

/** Counts of the second that runs, by process, mm, kind and outcome; of some by vma and call stack as well. */
export class Rates {
  readonly #rows = new KeyedRows()
  #mm = new Float64Array(this.#rows.capacity)
  #vma = new Float64Array(this.#rows.capacity)
  #stack = new Float64Array(this.#rows.capacity)
  /** By call stack and place (an mm or a vma) a number for both: few seconds have any. */
  readonly #stacked = new KeyedRows(16)
  #events = new Float64Array(this.#rows.capacity)
  #pages = new Float64Array(this.#rows.capacity)
  /** Events that a recording which goes on has counted already. */
  #skip: number
  #second = -1
  /** The second that runs, in ns. */
  #fromNs = -SECOND_NS
  #untilNs = 0
  /** By kind and outcome the row that was counted in last, plus one: one process does the same again and again. */
  readonly #lastRows = new Uint32Array(RECENT)

  constructor(skip: number) {
    this.#skip = skip
  }

  /** Counts an event. Tells the second before when a new one begins; a late event counts for the one that runs. */
  count(
    sink: FactSink,
    timeNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    pages: number,
    vma: number,
    stack: number,
  ): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    if (!(timeNs >= this.#fromNs && timeNs < this.#untilNs)) {
      const second = Math.floor(timeNs / SECOND_NS)
      if (second !== this.#second) this.#turn(sink, second)
    }
    if (this.#rows.size === MOST_KEYS) this.flush(sink)
    // Below 2^48 - 2^32, as long as there are fewer than a billion address spaces and vmas.
    const place = vma === 0 ? 3 * mm : 3 * vma + 1
    const key = (stack === 0 ? place : this.#placeOf(stack, place)) * 0x1_0000 + kind * 0x100 + outcome
    const recent = ((kind << 4) | (outcome & 0xf)) & (RECENT - 1)
    let row = this.#lastRows[recent] - 1
    if (row < 0 || this.#rows.a(row) !== tgid || this.#rows.b(row) !== key) {
      row = this.#rowOf(tgid, key)
      this.#mm[row] = mm
      this.#vma[row] = vma
      this.#stack[row] = stack
      this.#lastRows[recent] = row + 1
    }
    this.#events[row]++
    this.#pages[row] += pages
  }

  /** The second that runs is over when the host's clock has reached `timeNs`. */
  advance(sink: FactSink, timeNs: number): void {
    if (this.#second >= 0 && Math.floor(timeNs / SECOND_NS) > this.#second) this.flush(sink)
  }

  /** Tells what was counted, and begins anew. */
  flush(sink: FactSink): void {
    for (let row = 0; row < this.#rows.size; row++) {
      const key = this.#rows.b(row)
      const kind = Math.floor(key / 0x100) % 0x100
      sink.rate(
        this.#second * SECOND_NS,
        this.#rows.a(row),
        this.#mm[row],
        kind,
        key % 0x100,
        this.#events[row],
        this.#pages[row],
        this.#vma[row],
        this.#stack[row],
      )
    }
    this.#rows.clear()
    this.#stacked.clear()
    this.#lastRows.fill(0)
  }

  #turn(sink: FactSink, second: number): void {
    const late = this.#second - second
    if (late > 0 && late <= 2) return
    this.flush(sink)
    this.#second = second
    this.#fromNs = second * SECOND_NS
    this.#untilNs = this.#fromNs + SECOND_NS
  }

  #placeOf(stack: number, place: number): number {
    const found = this.#stacked.find(stack, place)
    return 3 * (found >= 0 ? found : this.#stacked.insert(stack, place)) + 2
  }

  #rowOf(tgid: number, key: number): number {
    const found = this.#rows.find(tgid, key)
    if (found >= 0) return found
    const row = this.#rows.insert(tgid, key)
    if (this.#rows.capacity > this.#mm.length) this.#grow()
    this.#events[row] = 0
    this.#pages[row] = 0
    return row
  }

  #grow(): void {
    const { capacity } = this.#rows
    this.#mm = grown(this.#mm, new Float64Array(capacity))
    this.#vma = grown(this.#vma, new Float64Array(capacity))
    this.#stack = grown(this.#stack, new Float64Array(capacity))
    this.#events = grown(this.#events, new Float64Array(capacity))
    this.#pages = grown(this.#pages, new Float64Array(capacity))
  }
}
