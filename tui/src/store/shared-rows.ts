import type Database from 'better-sqlite3'
import { FactRows } from './fact-rows.js'
import type { Rows } from './messages.js'

/** Of one row, which lies within as many aligned pages: db/queries look no further for the row in which a page is. */
const MOST_PAGES = 32

/** Values of a row, before its frames. */
const SLOT = 0
const STEP = 1
const MM = 2
const VPN = 3
const PAGES = 4
const FROM_NS = 5
const FROM_SEQ = 6
const CERTAIN = 7
const FRAMES = 8
const WIDTH = FRAMES + MOST_PAGES

/** Pages that a fork shared, neighbours in one row, on their way to the table `shared`: told upwards or downwards. */
export class SharedRows {
  readonly #rows = new FactRows(WIDTH)
  #pages = 0

  /** Pages that wait. */
  get pages(): number {
    return this.#pages
  }

  add(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    seq: number,
    certain: boolean,
  ): void {
    this.#pages++
    const isCertain = certain ? 1 : 0
    if (this.#isNext(slot, mm, vpn, timeNs, seq, isCertain)) {
      const at = (this.#rows.rows - 1) * WIDTH
      const row = this.#rows.values
      row[at + STEP] = vpn > row[at + VPN] ? 1 : -1
      row[at + FRAMES + row[at + PAGES]++] = frame
      return
    }
    const at = this.#rows.add()
    const row = this.#rows.values
    row[at + SLOT] = slot
    row[at + STEP] = 1
    row[at + MM] = mm
    row[at + VPN] = vpn
    row[at + PAGES] = 1
    row[at + FROM_NS] = timeNs
    row[at + FROM_SEQ] = seq
    row[at + CERTAIN] = isCertain
    row[at + FRAMES] = frame
  }

  /** The rows so far, in a buffer that may be transferred; begins anew. */
  take(): Rows {
    this.#pages = 0
    return this.#rows.take()
  }

  /** Rows that {@link take} gave: the first page of each, and how many they are. */
  static forEach({ rows, values }: Rows, told: (mm: number, vpn: number, pages: number) => void): void {
    for (let at = 0; at < rows * WIDTH; at += WIDTH) {
      const pages = values[at + PAGES]
      told(values[at + MM], values[at + VPN] - (values[at + STEP] > 0 ? 0 : pages - 1), pages)
    }
  }

  /** Whether it is the next page of the row before, in the direction in which that was told. */
  #isNext(slot: number, mm: number, vpn: number, timeNs: number, seq: number, isCertain: number): boolean {
    const at = (this.#rows.rows - 1) * WIDTH
    if (at < 0) return false
    const row = this.#rows.values
    const pages = row[at + PAGES]
    const distance = vpn - row[at + VPN]
    return (
      row[at + SLOT] + pages === slot &&
      (distance === pages * row[at + STEP] || (pages === 1 && distance === -1)) &&
      row[at + MM] === mm &&
      row[at + FROM_NS] === timeNs &&
      row[at + FROM_SEQ] === seq &&
      row[at + CERTAIN] === isCertain &&
      blockOf(vpn) === blockOf(row[at + VPN])
    )
  }
}

function blockOf(vpn: number): number {
  return Math.floor(vpn / MOST_PAGES)
}

/** Writes them into the table. */
export class SharedInserter {
  readonly #insert: Database.Statement<(number | string)[]>

  constructor(db: Database.Database) {
    this.#insert = db.prepare(
      `INSERT INTO shared (slot, slot_step, mm, vpn, pages, frame_list, from_ns, from_seq, certain)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
  }

  insert({ rows, values }: Rows): void {
    for (let at = 0; at < rows * WIDTH; at += WIDTH) {
      const pages = values[at + PAGES]
      const frames = values.subarray(at + FRAMES, at + FRAMES + pages)
      const isUpwards = values[at + STEP] > 0
      const before = isUpwards ? 0 : pages - 1
      this.#insert.run(
        values[at + SLOT] + before,
        values[at + STEP],
        values[at + MM],
        values[at + VPN] - before,
        pages,
        `[${(isUpwards ? frames : Float64Array.from(frames).reverse()).join()}]`,
        values[at + FROM_NS],
        values[at + FROM_SEQ],
        values[at + CERTAIN],
      )
    }
  }
}
