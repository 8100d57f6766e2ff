/**
 * The store alone, beside its ceiling: raw inserts of 8 columns an event in a worker, same events, same run.
 *
 * Usage: node tui/dist/bench/store.js [EVENTS]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { EventColumns } from '../model/events.js'
import type { FactSink } from '../model/facts.js'
import { RecordingWriter, type WriterListener } from '../store/writer.js'
import { SYNTHETIC_AGENT, SyntheticTrace } from '../store/synthetic.js'

const BATCH = 1000
const QUIET: WriterListener = {
  durable() {},
  paused() {},
  resumed() {},
  failed(error) {
    throw error
  },
}

interface Row {
  readonly what: string
  readonly seconds: number
  /** Of both threads: steadier than the clock on a shared machine. */
  readonly cpuSeconds: number
  readonly bytes: number
}

type Step = (sink: FactSink) => void
interface Batch {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly events: EventColumns
  readonly facts: readonly Step[]
}

/** The stream with its facts as calls to repeat, so that making it is not in the measure. */
function makeStream(count: number): { readonly begin: readonly Step[]; readonly batches: readonly Batch[] } {
  const trace = new SyntheticTrace(1)
  let steps: Step[] = []
  const note = new Proxy({} as FactSink, {
    get:
      (_, name: keyof FactSink) =>
      (...args: never[]) => {
        steps.push((sink) => {
          // eslint-disable-next-line @typescript-eslint/unbound-method -- bound to its sink by apply
          Reflect.apply(sink[name], sink, args)
        })
      },
  })
  trace.begin(note)
  const begin = steps
  const batches: Batch[] = []
  for (let made = 0; made < count; made += BATCH) {
    steps = []
    const batch = trace.next(note, BATCH)
    batches.push({ ...batch, facts: steps })
  }
  return { begin, batches }
}

async function ours(
  path: string,
  stream: ReturnType<typeof makeStream>,
  withFacts: 'facts' | 'events',
): Promise<Row[]> {
  const writer = await RecordingWriter.open(path, QUIET)
  const start = startClock()
  writer.run(1, SYNTHETIC_AGENT, 1)
  if (withFacts === 'facts') for (const step of stream.begin) step(writer)
  for (const { firstSeq, lastSeq, events, facts } of stream.batches) {
    if (withFacts === 'facts') for (const step of facts) step(writer)
    writer.events(1, firstSeq, lastSeq, events)
    await writer.ready()
  }
  await writer.flush()
  const written = start()
  await writer.close()
  const sealed = start()
  const bytes = statSync(path).size
  const what = withFacts === 'facts' ? 'events and facts' : 'events alone'
  return [
    { what: `cowpath, ${what}, committed`, ...written, bytes: NaN },
    { what: `cowpath, ${what}, sealed`, ...sealed, bytes },
  ]
}

/** Seconds since the call, by the clock and by the CPUs. */
function startClock(): () => { readonly seconds: number; readonly cpuSeconds: number } {
  const start = performance.now()
  const used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
}

const RAW_WORKER = `
const { parentPort, workerData } = require('node:worker_threads')
const Database = require(workerData.module)
const db = new Database(workerData.path)
db.pragma('journal_mode = WAL'); db.pragma('synchronous = NORMAL'); db.pragma('cache_size = -65536')
db.exec('CREATE TABLE e (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, g INTEGER, h INTEGER)')
const insert = db.prepare('INSERT INTO e VALUES (?,?,?,?,?,?,?,?)')
const batch = db.transaction((columns, n) => {
  const [a, b, c, d, e, f, g, h] = columns
  for (let i = 0; i < n; i++) insert.run(a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i])
})
parentPort.on('message', (m) => {
  if (m === 'end') { db.pragma('wal_checkpoint(TRUNCATE)'); db.close(); parentPort.postMessage(0); parentPort.close(); return }
  batch(m.columns, m.n); parentPort.postMessage(m.n)
})`

async function raw(path: string, stream: ReturnType<typeof makeStream>): Promise<Row> {
  const module = new URL(import.meta.resolve('better-sqlite3')).pathname
  const worker = new Worker(RAW_WORKER, { eval: true, workerData: { path, module } })
  let waiting = 0
  let wake = () => {}
  worker.on('message', () => {
    waiting--
    wake()
  })
  const start = startClock()
  const perMessage = 10
  for (let i = 0; i < stream.batches.length; i += perMessage) {
    const part = stream.batches.slice(i, i + perMessage).map((batch) => batch.events)
    const n = part.reduce((sum, events) => sum + events.length, 0)
    const names = ['timeNs', 'vpn', 'oldPfn', 'newPfn', 'kind', 'outcome', 'tgid', 'mm'] as const
    const columns = names.map((name) => {
      const joined = new Float64Array(n)
      let at = 0
      for (const events of part) {
        joined.set(events[name], at)
        at += events.length
      }
      return joined
    })
    waiting++
    worker.postMessage(
      { columns, n },
      columns.map((column) => column.buffer),
    )
    while (waiting > 8) await new Promise<void>((resolve) => (wake = resolve))
  }
  waiting++
  worker.postMessage('end')
  while (waiting > 0) await new Promise<void>((resolve) => (wake = resolve))
  return {
    what: 'raw: 8 columns in a worker',
    ...start(),
    bytes: statSync(path).size,
  }
}

/** Prints the table; asserts nothing. */
export async function benchStore(count: number, print: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  try {
    const stream = makeStream(count)
    const facts = stream.batches.reduce((sum, batch) => sum + batch.facts.length, 0)
    print(`store: ${count} events, ${(facts / count).toFixed(2)} facts an event, one run each`)
    print(
      `${'what'.padEnd(42)} ${'k events/s'.padStart(10)} ${'CPU us/event'.padStart(13)} ${'B/event'.padStart(8)}`,
    )
    const rows = [
      await raw(join(folder, 'raw.db'), stream),
      ...(await ours(join(folder, 'events.db'), stream, 'events')),
      ...(await ours(join(folder, 'facts.db'), stream, 'facts')),
    ]
    for (const { what, seconds, cpuSeconds, bytes } of rows) {
      const cpu = ((cpuSeconds / count) * 1e6).toFixed(2)
      const size = Number.isNaN(bytes) ? '' : (bytes / count).toFixed(1)
      print(
        `${what.padEnd(42)} ${(count / seconds / 1000).toFixed(0).padStart(10)} ${cpu.padStart(13)} ${size.padStart(8)}`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  await benchStore(Number(process.argv[2] ?? 1_000_000), (line) => process.stdout.write(line + '\n'))
