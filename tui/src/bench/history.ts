/**
 * The history alone, columns already decoded: faults, most of them reuses, over a given number of live pages.
 *
 * Usage: node [--expose-gc] tui/dist/bench/history.js [EVENTS [PAGES]]
 * (with --expose-gc, tables that were outgrown do not count as memory)
 */
import { setImmediate } from 'node:timers/promises'
import { History } from '../history/history.js'
import type { EventColumns } from '../model/events.js'
import type { FactSink } from '../model/facts.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../wire/columns.js'
import { perSecond, printTable } from './table.js'

const BATCH = 1000
const PROCESSES = 200
const FLAGS = Flag.Write | Flag.User | Flag.Anon | Flag.VmaMaywrite | Flag.VmaAnon

const NOBODY: FactSink = {
  mm() {},
  mmEnded() {},
  process() {},
  fork() {},
  gap() {},
  frameSeen() {},
  frameFreed() {},
  slotMapped() {},
  slotEnded() {},
  edge() {},
  rate() {},
  pinTaken() {},
  pinEnded() {},
  anomaly() {},
}

/** Events, a batch after the other. */
class Batches {
  readonly made: EventColumns[] = []
  #at = BATCH
  seq = 0

  /** Columns and index of the next event. */
  next(kind: Kind): { readonly events: EventColumns; readonly i: number } {
    if (this.#at === BATCH) {
      this.made.push(allocateColumns(BATCH))
      this.#at = 0
    }
    const events = this.made[this.made.length - 1]
    const i = this.#at++
    events.kind[i] = kind
    events.seq[i] = ++this.seq
    events.timeNs[i] = 1e9 + this.seq * 1100
    return { events, i }
  }
}

interface Work {
  /** A first touch of each page. */
  readonly before: readonly EventColumns[]
  /** Runs of consecutive pages; 30 % are copies, each followed in time by the free of what it replaced. */
  readonly measured: readonly EventColumns[]
}

function makeWork(count: number, pages: number): Work {
  const pfns = Float64Array.from({ length: pages }, (_, page) => page + 1)
  let nextPfn = pages + 1
  let random = 1
  const next = (below: number) => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    return (random >>> 8) % below
  }
  const isAt = (events: EventColumns, i: number, page: number) => {
    const process = page % PROCESSES
    events.tgid[i] = events.tid[i] = 1000 + process
    events.mm[i] = 1 + process
    events.vpn[i] = 0x7f0000000 + Math.floor(page / PROCESSES)
    events.pages[i] = 1
    events.flags[i] = FLAGS
  }
  const batches = new Batches()
  // Whole batches, so that none is cut short.
  for (let page = 0; page < Math.ceil(pages / BATCH) * BATCH; page++) {
    const { events, i } = batches.next(page < pages ? Kind.AnonNew : Kind.UffdMessage)
    isAt(events, i, page % pages)
    if (page < pages) events.newPfn[i] = pfns[page]
  }
  const before = batches.made.splice(0)
  let page = 0
  let left = 0
  for (let freed = 0, made = 0; made < count; made++) {
    const { events, i } = batches.next(freed === 0 ? Kind.WpFault : Kind.FrameFree)
    if (freed !== 0) {
      events.oldPfn[i] = freed
      freed = 0
      continue
    }
    if (left-- === 0) {
      left = next(32)
      page = next(pages)
    } else page = (page + 1) % pages
    isAt(events, i, page)
    events.oldPfn[i] = pfns[page]
    events.outcome[i] = Outcome.Reuse
    if (next(100) < 30) {
      freed = pfns[page]
      pfns[page] = nextPfn++
      events.outcome[i] = Outcome.Copy
    }
    events.newPfn[i] = pfns[page]
  }
  return { before, measured: batches.made }
}

/** Prints the table; asserts nothing. */
export async function benchHistory(count: number, pages: number): Promise<void> {
  const { before, measured } = makeWork(Math.ceil(count / BATCH) * BATCH, pages)
  const buffersBefore = process.memoryUsage().arrayBuffers
  const history = new History(NOBODY, { maxSlots: Math.max(pages, 1 << 22) })
  const apply = (batches: readonly EventColumns[]) => {
    for (const events of batches)
      history.apply({ firstSeq: events.seq[0], lastSeq: events.seq[BATCH - 1], processes: [], events })
  }
  history.begin(1, 1)
  apply(before)
  const from = process.hrtime.bigint()
  const cpuFrom = process.cpuUsage()
  apply(measured)
  history.finish()
  const seconds = Number(process.hrtime.bigint() - from) / 1e9
  const { user, system } = process.cpuUsage(cpuFrom)
  const { slots } = history.counts()
  globalThis.gc?.()
  // What was collected is taken off the books in a turn of its own.
  await setImmediate()
  const bytes = (process.memoryUsage().arrayBuffers - buffersBefore) / slots
  printTable(`history: ${count} events over ${pages} live pages`, [
    {
      what: 'events to facts that nobody stores',
      figure: perSecond(count, seconds),
      beside: `${perSecond(count, (user + system) / 1e6)} of processor time`,
    },
    { what: 'memory', figure: `${bytes.toFixed(0)} bytes/page`, beside: `${slots} live pages` },
  ])
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await benchHistory(Number(process.argv[2] ?? 2_000_000), Number(process.argv[3] ?? 100_000))
}
