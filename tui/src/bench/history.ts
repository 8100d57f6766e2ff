/**
 * The history alone, and with all rules; columns already decoded. What processes do is in history-work.ts.
 *
 * Usage: node [--expose-gc] tui/dist/bench/history.js [EVENTS [PAGES...]]
 * (with --expose-gc, tables that were outgrown do not count as memory)
 */
import { setImmediate } from 'node:timers/promises'
import { History } from '../history/history.js'
import type { EventColumns } from '../model/events.js'
import { NO_FACTS } from '../model/facts.js'
import { policyFor } from '../policy/policies.js'
import { LEGS } from '../rules/legs.js'
import { Rules } from '../rules/rules.js'
import { BATCH, HistoryWork, MIXES, type Work } from './history-work.js'
import { PreforkedWork } from './preforked-work.js'
import { perSecond, printTable, type Row } from './table.js'

const EVENTS = 2_000_000
const PAGES = [100_000, 5_000_000]
/** Pages of the work that warms up. */
const SMALL = 12_800
/** Until everything is compiled as it stays: whoever traces does so for longer. */
const WARM_UP = 400 * BATCH

interface Measured {
  readonly perSecond: string
  readonly bytesAPage: number
  readonly slots: number
  readonly pins: number
  readonly findings: number
}

/**
 * Small histories that stay: with the last instance of a class V8 forgets what it has learnt of it, and what is measured next would
 * be compiled anew. Who traces has one history all along.
 */
const kept: { readonly history: History; readonly rules: Rules }[] = []

/** Applies a work from its beginning; times what comes after the first touch of its pages. */
async function measure(count: number, work: Work, withRules: boolean): Promise<Measured> {
  const bytesBefore = await bytesHeld()
  let findings = 0
  const rules = new Rules({
    policy: policyFor('6.12.0'),
    legs: LEGS.map((name) => ({ name, attached: true })),
    sink: { finding: () => findings++, ruleCounts: () => undefined },
  })
  const bounds = { maxSlots: Math.max(work.pages + BATCH, 1 << 22), maxPins: 1 << 17 }
  const history = new History(NO_FACTS, withRules ? { ...bounds, judge: rules } : bounds)
  if (work.pages <= SMALL) kept.push({ history, rules })
  history.begin(1, 1)
  for (const events of work.before()) applyAll(history, [events])
  // Events that wait to be put in order are no pages.
  history.advance(Infinity)
  const bytesAfter = await bytesHeld()
  const measured = work.measured(count)
  const seconds = processorSeconds(() => {
    applyAll(history, measured)
    history.finish()
  })
  const { slots, pins } = history.counts()
  return {
    perSecond: perSecond(
      measured.reduce((sum, { length }) => sum + length, 0),
      seconds,
    ),
    bytesAPage: (bytesAfter - bytesBefore) / work.pages,
    slots,
    pins,
    findings,
  }
}

function applyAll(history: History, batches: readonly EventColumns[]): void {
  for (const events of batches)
    history.apply({ firstSeq: events.seq[0], lastSeq: events.seq[events.length - 1], processes: [], events })
}

/** Of tables and of objects. */
async function bytesHeld(): Promise<number> {
  // What was collected is taken off the books in a turn of its own, and may have held more.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await setImmediate()
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** What no reducer can beat: columns read, and the page's number found by its address in a `Map`. */
function ceiling(count: number, pages: number): string {
  const work = new HistoryWork(pages, MIXES[0])
  const known = new Map<number, number>()
  const look = (batches: readonly EventColumns[]) => {
    for (const { kind, mm, vpn, oldPfn, newPfn, timeNs } of batches)
      for (let i = 0; i < BATCH; i++) {
        const key = mm[i] * 2 ** 32 + (vpn[i] % 2 ** 32)
        const pfn = known.get(key)
        if (pfn !== oldPfn[i] && kind[i] !== 0 && timeNs[i] > 0) known.set(key, newPfn[i])
      }
  }
  for (const events of work.before()) look([events])
  const measured = work.measured(count)
  const seconds = processorSeconds(() => {
    look(measured)
  })
  return perSecond(measured.length * BATCH, seconds)
}

/** Of all threads, garbage collection included: machines are shared, and what others take is not ours. */
function processorSeconds(work: () => void): number {
  globalThis.gc?.()
  const from = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1e6
}

/** Prints a table a number of pages; asserts nothing. */
export async function benchHistory(count: number, pages: number): Promise<void> {
  const rows: Row[] = [{ what: 'columns read, one look-up in a Map each', figure: ceiling(count, pages) }]
  // Compiles what is measured, so that neither its code counts as memory nor its compiling as work.
  for (const mix of MIXES) await measure(WARM_UP, new HistoryWork(SMALL, mix), true)
  for (const mix of MIXES) rows.push(...(await rowsOf(mix.name, count, () => new HistoryWork(pages, mix))))
  printTable(`history: ${count} events over ${pages} live pages`, rows)
}

/** What a recorder has to keep up with. */
export async function benchPreforked(count: number): Promise<void> {
  // What makes these events takes memory of its own with every page: that of the history is not told from it.
  const [rate] = await rowsOf('preforked workers', count, () => new PreforkedWork())
  printTable(`history: ${count} events of the recorder's workload`, [rate])
}

async function rowsOf(name: string, count: number, workOf: () => Work): Promise<readonly Row[]> {
  const alone = await measure(count, workOf(), false)
  const { perSecond: figure, bytesAPage, slots, pins, findings } = await measure(count, workOf(), true)
  const beside = `without rules ${alone.perSecond}; ${slots} pages, ${pins} pins, ${findings} findings`
  return [
    { what: `history and rules, ${name}`, figure, beside },
    { what: '  memory', figure: `${bytesAPage.toFixed(0)} bytes/page`, beside: 'slot, frame and pins' },
  ]
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [count = EVENTS, ...pages] = process.argv.slice(2).map(Number)
  for (const each of pages.length === 0 ? PAGES : pages) await benchHistory(count, each)
  await benchPreforked(count)
}
