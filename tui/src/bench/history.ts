/**
 * The history alone, columns already decoded: a fault a page, most of them reuses, over a given number of live pages.
 *
 * Usage: node tui/dist/bench/history.js [EVENTS [PAGES]]
 */
import { History } from '../history/history.js'
import type { EventColumns } from '../model/events.js'
import type { FactSink } from '../model/facts.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../wire/columns.js'
import { medianSeconds, perSecond, printTable } from './table.js'

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

/** Runs of consecutive pages of 200 processes; 30 % are copies, each followed in time by the free of what it replaced. */
function makeEvents(count: number, pages: number): readonly EventColumns[] {
  const pfns = Float64Array.from({ length: pages }, (_, page) => page + 1)
  let nextPfn = pages + 1
  let seq = 0
  let random = 1
  let left = 0
  let page = 0
  let freed = 0
  const next = (below: number) => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    return (random >>> 8) % below
  }
  const batches: EventColumns[] = []
  while (seq < count) {
    const events = allocateColumns(BATCH)
    for (let i = 0; i < BATCH; i++) {
      events.seq[i] = ++seq
      events.timeNs[i] = 1e9 + seq * 1100
      if (freed !== 0) {
        events.kind[i] = Kind.FrameFree
        events.oldPfn[i] = freed
        freed = 0
        continue
      }
      if (left-- === 0) {
        left = next(32)
        page = next(pages)
      } else page = (page + 1) % pages
      const process = page % PROCESSES
      events.kind[i] = Kind.WpFault
      events.tgid[i] = events.tid[i] = 1000 + process
      events.mm[i] = 1 + process
      events.vpn[i] = 0x7f0000000 + Math.floor(page / PROCESSES)
      events.pages[i] = 1
      events.flags[i] = FLAGS
      events.oldPfn[i] = pfns[page]
      if (next(100) < 30) {
        freed = pfns[page]
        pfns[page] = nextPfn++
        events.outcome[i] = Outcome.Copy
      } else events.outcome[i] = Outcome.Reuse
      events.newPfn[i] = pfns[page]
    }
    batches.push(events)
  }
  return batches
}

/** Prints the table; asserts nothing. */
export async function benchHistory(count: number, pages: number): Promise<void> {
  const batches = makeEvents(count, pages)
  let known = 0
  const seconds = await medianSeconds(3, () => {
    const history = new History(NOBODY)
    history.begin(1, 1)
    for (const events of batches) {
      const { length } = events
      history.apply({ firstSeq: events.seq[0], lastSeq: events.seq[length - 1], processes: [], events })
    }
    history.finish()
    known = history.counts().slots
  })
  printTable(`history: ${count} events over ${pages} pages`, [
    {
      what: 'events to facts that nobody stores',
      figure: perSecond(count, seconds),
      beside: `${known} slots`,
    },
  ])
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await benchHistory(Number(process.argv[2] ?? 2_000_000), Number(process.argv[3] ?? 100_000))
}
