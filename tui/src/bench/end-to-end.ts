/**
 * From the agent's socket to the file: receiving alone, the raw pipeline (eight columns an event into a table, by a
 * worker, and nothing else), the whole recorder, and what one would write without thinking (a message, an object, a string key
 * and an insert an event; once more from the agent's batches). The same events each time, from another process that does nothing
 * but send them. The raw pipeline and the recorder take turns, as what else the machine does would fall on one of them; told is
 * the middle one of each.
 *
 * Usage: node tui/dist/bench/end-to-end.js [EVENTS [TURNS]]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Metadata, credentials } from '@grpc/grpc-js'
import Database from 'better-sqlite3'
import { requireAgent } from '../commands/agent-binary.js'
import type { EventColumns } from '../model/events.js'
import { Pipeline } from '../pipeline.js'
import { Recording } from '../store/recording.js'
import { decodeResponse } from '../wire/decode.js'
import { cowpath } from '../wire/generated/cowpath.js'
import { RawInserter } from './raw-inserter.js'
import { EVENT_NAMES, streamFile } from './stream-file.js'
import { printTable, type Row } from './table.js'

const { v1 } = cowpath
const WINDOW_BYTES = 8 << 20
const TURNS = 3
const NAIVE_COMMIT = 4096
/** As many as a table that grows without end has not yet suffered of. */
const NAIVE_EVENTS = 614_400

interface Agent {
  readonly endpoint: string
  readonly process: ChildProcess
}

/** A process that listens on a socket of its own, for as long as the step takes. */
async function withProcess<T>(
  folder: string,
  program: string,
  args: (endpoint: string) => readonly string[],
  step: (agent: Agent) => Promise<T>,
): Promise<T> {
  const socket = join(folder, `agent-${Math.random().toString(36).slice(2)}.sock`)
  const endpoint = `unix://${socket}`
  const child = spawn(program, args(endpoint), { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    for (let tries = 0; !existsSync(socket) && tries < 500; tries++) await sleep(20)
    return await step({ endpoint, process: child })
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

/** The agent, with a source of its own. */
function withAgent<T>(folder: string, source: string, step: (agent: Agent) => Promise<T>): Promise<T> {
  const room = ['--ring', '8M', '--replay', '8M']
  return withProcess(
    folder,
    requireAgent(process.env),
    (endpoint) => ['serve', '--listen', endpoint, ...room, '--source', source],
    step,
  )
}

const REPLAYED_AGENT = fileURLToPath(new URL('replayed-agent.js', import.meta.url))

/** The workload's stream, from its beginning to its end. */
function withStream<T>(folder: string, file: string, step: (endpoint: string) => Promise<T>): Promise<T> {
  return withProcess(
    folder,
    process.execPath,
    (endpoint) => [REPLAYED_AGENT, endpoint, file],
    ({ endpoint }) => step(endpoint),
  )
}

/** Hands every message of the stream over as it comes, until its end or for so long. */
async function receive(endpoint: string, take: (bytes: Buffer) => void, seconds = Infinity): Promise<void> {
  const client = new Client(endpoint.replace('unix://', 'unix:'), credentials.createInsecure(), {
    'grpc-node.flow_control_window': WINDOW_BYTES,
    'grpc.max_receive_message_length': WINDOW_BYTES,
  })
  const same = (bytes: Buffer) => bytes
  const call = client.makeBidiStreamRequest('/cowpath.v1.Agent/Trace', same, same, new Metadata())
  call.write(Buffer.from(v1.TraceRequest.encode({ subscribe: { client: 'bench' } }).finish()))
  const ended = new Promise<void>((resolve) => {
    call.on('error', () => {
      resolve()
    })
    call.on('end', resolve)
  })
  call.on('data', (bytes: Buffer) => {
    take(bytes)
  })
  const timer =
    seconds === Infinity
      ? undefined
      : setTimeout(() => {
          call.cancel()
        }, seconds * 1000)
  await ended
  clearTimeout(timer)
  client.close()
}

function batchOf(message: Buffer): EventColumns | undefined {
  const item = decodeResponse(message)
  return item?.type === 'batch' ? item.events : undefined
}

/** Receives, decodes, and has a worker insert eight columns an event: what no recorder can do without. */
async function rawPipeline(endpoint: string, file: string): Promise<number> {
  const inserter = new RawInserter(file)
  await receive(endpoint, (message) => {
    const events = batchOf(message)
    if (events !== undefined) inserter.add(events)
  })
  await inserter.close()
  return statSync(file).size
}

async function wholeRecorder(endpoint: string, file: string): Promise<number> {
  await new Pipeline(endpoint, { recordTo: file, afterEnd: 'finish' }).run(
    { item: () => undefined, connection: () => undefined },
    new AbortController().signal,
  )
  return statSync(file).size
}

/**
 * A message, an object of all fields, a string key and an insert into two indexes for each event, as a first version would; kind
 * enough to commit 4,096 at a time.
 */
async function naive(endpoint: string, file: string): Promise<number> {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.exec(
    `CREATE TABLE event (${EVENT_NAMES.map((name) => `"${name}"`).join()});` +
      'CREATE INDEX by_page ON event (mm, vpn, timeNs); CREATE INDEX by_time ON event (timeNs)',
  )
  const insert = db.prepare(`INSERT INTO event VALUES (${EVENT_NAMES.map((name) => `:${name}`).join()})`)
  const pages = new Map<string, number>()
  let inserted = 0
  db.exec('BEGIN')
  await receive(endpoint, (message) => {
    const events = batchOf(message)
    if (events === undefined) return
    for (let i = 0; i < events.length; i++) {
      const event = Object.fromEntries(EVENT_NAMES.map((name) => [name, events[name][i]]))
      pages.set(`${event['mm']}:${event['vpn']}`, event['newPfn'])
      insert.run(event)
      if (++inserted % NAIVE_COMMIT === 0) db.exec('COMMIT; BEGIN')
    }
  })
  db.exec('COMMIT')
  db.close()
  return statSync(file).size
}

interface Measured {
  readonly perSecond: number
  /** Of this process, all its threads. */
  readonly cpuMicroseconds: number
  /** Of that, its main thread: the rest is the writer's, and V8's compiling. */
  readonly mainMicroseconds: number
  readonly bytesAnEvent: number
}

/** Prints nothing; asserts that every event of the stream reached the recording. */
export async function benchEndToEnd(count: number, turns = TURNS): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  try {
    const packed = [streamFile(count), count] as const
    const measured = (
      name: string,
      step: (endpoint: string, file: string) => Promise<number>,
      [stream, count]: readonly [string, number] = packed,
    ) =>
      withStream(folder, stream, async (endpoint): Promise<Measured> => {
        const began = process.hrtime.bigint()
        const used = process.cpuUsage()
        const usedByMain = mainThreadSeconds()
        const bytes = await step(endpoint, join(folder, name))
        const seconds = Number(process.hrtime.bigint() - began) / 1e9
        const { user, system } = process.cpuUsage(used)
        return {
          perSecond: count / seconds,
          cpuMicroseconds: (user + system) / count,
          mainMicroseconds: ((mainThreadSeconds() - usedByMain) * 1e6) / count,
          bytesAnEvent: bytes / count,
        }
      })
    const alone = await measured('none', async (endpoint) => {
      let bytes = 0
      await receive(endpoint, (message) => (bytes += message.length))
      return bytes
    })
    const raws: Measured[] = []
    const wholes: Measured[] = []
    for (let turn = 0; turn < turns; turn++) {
      raws.push(await measured('raw.db', rawPipeline))
      rmSync(join(folder, 'raw.db'))
      wholes.push(await measured('whole.db', wholeRecorder))
      checkWhole(join(folder, 'whole.db'), count)
      rmSync(join(folder, 'whole.db'))
    }
    const [raw, whole] = [middle(raws), middle(wholes)]
    const few = Math.min(count, NAIVE_EVENTS)
    const simple = await measured('naive.db', naive, [streamFile(few, 'one each'), few])
    rmSync(join(folder, 'naive.db'))
    const batched = await measured('batched.db', naive, [streamFile(few), few])
    const row = (what: string, it: Measured, beside: string): Row => ({
      what,
      figure: `${(it.perSecond / 1e6).toFixed(3)} M/s`,
      beside: `${it.cpuMicroseconds.toFixed(2)} us CPU (main thread ${it.mainMicroseconds.toFixed(2)}), ${it.bytesAnEvent.toFixed(1)} B an event${beside}`,
    })
    return [
      row('receive, nothing else', alone, ' on the wire'),
      row('raw: receive, decode, 8 columns in a worker', raw, ''),
      row(
        'the recorder: history, rules, facts, sealed file',
        whole,
        `; ${(whole.perSecond / raw.perSecond).toFixed(2)} of raw`,
      ),
      row(
        `naive: a message, an object and an insert an event (${few} of them)`,
        simple,
        `; the recorder is ${(whole.perSecond / simple.perSecond).toFixed(1)} times that`,
      ),
      row(
        'the same from batches',
        batched,
        `; the recorder is ${(whole.perSecond / batched.perSecond).toFixed(1)} times that`,
      ),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Each figure's median. */
function middle(measured: readonly Measured[]): Measured {
  const of = (figure: keyof Measured) =>
    measured.map((each) => each[figure]).toSorted((a, b) => a - b)[measured.length >> 1]
  return {
    perSecond: of('perSecond'),
    cpuMicroseconds: of('cpuMicroseconds'),
    mainMicroseconds: of('mainMicroseconds'),
    bytesAnEvent: of('bytesAnEvent'),
  }
}

function checkWhole(file: string, count: number): void {
  const recording = Recording.open(file)
  try {
    const [{ events, lost }] = recording.ask<{ readonly events: number; readonly lost: number }>('totals', {})
    if (events < count || lost > 0) throw new Error(`${events} of ${count} events recorded, ${lost} lost`)
  } finally {
    recording.close()
  }
}

/** Size of the binary, and what it takes of this host while little happens and while much does. */
export async function benchAgent(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  const IDLE_SECONDS = 5
  try {
    const binary = statSync(requireAgent(process.env)).size
    const idle = await withAgent(folder, 'synthetic:1', async (agent) => {
      await sleep(1500)
      const before = ticksOf(agent.process)
      await sleep(IDLE_SECONDS * 1000)
      return {
        cpu: ((ticksOf(agent.process) - before) / IDLE_SECONDS).toFixed(1),
        rss: residentMb(agent.process),
      }
    })
    const busy = await withAgent(folder, 'synthetic:500000', async (agent) => {
      await receive(agent.endpoint, batchOf, 4)
      return residentMb(agent.process)
    })
    return [
      { what: 'binary', figure: `${(binary / 1e6).toFixed(1)} MB`, beside: 'static, stripped' },
      {
        what: 'resident, one event a second',
        figure: `${idle.rss} MB`,
        beside: `${idle.cpu} % of a CPU (10 ms ticks)`,
      },
      { what: 'resident after 0.5 M events/s to one client', figure: `${busy} MB` },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Processor time of this process's first thread (Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat). */
function mainThreadSeconds(): number {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e9
}

/** User and system time in clock ticks of 10 ms (proc_pid_stat(5), fields 14 and 15). */
function ticksOf(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid ?? 0}/stat`, 'utf8')
    .split(') ')[1]
    .split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function residentMb(child: ChildProcess): string {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))?.[1]
  return (Number(kb) / 1024).toFixed(1)
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  printTable(
    'end to end',
    await benchEndToEnd(Number(process.argv[2] ?? 1_024_000), Number(process.argv[3] ?? TURNS)),
  )
