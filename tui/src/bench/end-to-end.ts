/**
 * From the agent's socket to the file, with the agent's own synthetic source on the other core: raw receive, receive and
 * decode, the whole recorder, and what one would write without thinking (an object, a string key and an insert an event).
 *
 * Usage: node tui/dist/bench/end-to-end.js [SECONDS]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Metadata, credentials } from '@grpc/grpc-js'
import Database from 'better-sqlite3'
import { requireAgent } from '../commands/agent-binary.js'
import type { StreamItem } from '../model/events.js'
import { Pipeline } from '../pipeline.js'
import { Recording } from '../store/recording.js'
import { decodeResponse } from '../wire/decode.js'
import { cowpath } from '../wire/generated/cowpath.js'
import { printTable, type Row } from './table.js'

const { v1 } = cowpath
/** More than any reader here takes: the reader is what is measured. */
const RATE = 3_000_000
const PAGES = 100_000
const WINDOW_BYTES = 8 << 20

interface Agent {
  readonly endpoint: string
  readonly process: ChildProcess
}

async function withAgent<T>(
  folder: string,
  source: string,
  step: (agent: Agent) => Promise<T>,
  room = '64M',
): Promise<T> {
  const socket = join(folder, `agent-${Math.random().toString(36).slice(2)}.sock`)
  const args = ['serve', '--listen', `unix://${socket}`, '--ring', room, '--replay', room, '--source', source]
  const child = spawn(requireAgent(process.env), args, { stdio: 'ignore' })
  try {
    for (let tries = 0; !existsSync(socket) && tries < 200; tries++) await sleep(20)
    return await step({ endpoint: `unix://${socket}`, process: child })
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

/** Hands every message of the stream over as it comes, for so long. */
async function receive(endpoint: string, seconds: number, take: (bytes: Buffer) => void): Promise<number> {
  const client = new Client(endpoint.replace('unix://', 'unix:'), credentials.createInsecure(), {
    'grpc-node.flow_control_window': WINDOW_BYTES,
    'grpc.max_receive_message_length': WINDOW_BYTES,
  })
  const same = (bytes: Buffer) => bytes
  const call = client.makeBidiStreamRequest('/cowpath.v1.Agent/Trace', same, same, new Metadata())
  call.write(Buffer.from(v1.TraceRequest.encode({ subscribe: { client: 'bench' } }).finish()))
  call.on('error', () => undefined)
  const began = process.hrtime.bigint()
  call.on('data', (bytes: Buffer) => {
    take(bytes)
  })
  await sleep(seconds * 1000)
  const lasted = Number(process.hrtime.bigint() - began) / 1e9
  call.cancel()
  client.close()
  return lasted
}

function eventsOf(item: StreamItem | undefined): number {
  return item?.type === 'batch' ? item.events.length : 0
}

async function measureRaw(endpoint: string, seconds: number) {
  let bytes = 0
  const lasted = await receive(endpoint, seconds, (message) => {
    bytes += message.length
  })
  return { bytes, lasted }
}

async function measureDecoded(endpoint: string, seconds: number) {
  let bytes = 0
  let events = 0
  const lasted = await receive(endpoint, seconds, (message) => {
    bytes += message.length
    events += eventsOf(decodeResponse(message))
  })
  return { bytes, events, lasted }
}

async function measureWhole(endpoint: string, seconds: number, file: string) {
  const ended = new AbortController()
  const began = process.hrtime.bigint()
  const timer = setTimeout(() => {
    ended.abort()
  }, seconds * 1000)
  await new Pipeline(endpoint, { recordTo: file }).run(
    { item: () => undefined, connection: () => undefined },
    ended.signal,
  )
  clearTimeout(timer)
  const lasted = Number(process.hrtime.bigint() - began) / 1e9
  const recording = Recording.open(file)
  try {
    const [totals] = recording.ask<{ readonly events: number }>('totals', {})
    return { events: totals.events, lasted, bytes: statSync(file).size }
  } finally {
    recording.close()
  }
}

/** An object, a string key and an insert into two indexes for each event, as a first version would. */
async function measureNaive(endpoint: string, seconds: number, file: string) {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.exec(
    'CREATE TABLE event (seq, time, kind, outcome, tgid, mm, vpn, old_pfn, new_pfn, refcount);' +
      'CREATE INDEX by_page ON event (mm, vpn, time); CREATE INDEX by_time ON event (time)',
  )
  const insert = db.prepare(
    'INSERT INTO event VALUES (:seq, :time, :kind, :outcome, :tgid, :mm, :vpn, :oldPfn, :newPfn, :refcount)',
  )
  const pages = new Map<string, number>()
  let events = 0
  const add = db.transaction((item: StreamItem & { readonly type: 'batch' }) => {
    for (let i = 0; i < item.events.length; i++) {
      const event = {
        seq: item.events.seq[i],
        time: item.events.timeNs[i],
        kind: item.events.kind[i],
        outcome: item.events.outcome[i],
        tgid: item.events.tgid[i],
        mm: item.events.mm[i],
        vpn: item.events.vpn[i],
        oldPfn: item.events.oldPfn[i],
        newPfn: item.events.newPfn[i],
        refcount: item.events.refcount[i],
      }
      pages.set(`${event.mm}:${event.vpn}`, event.newPfn)
      insert.run(event)
      events++
    }
  })
  const lasted = await receive(endpoint, seconds, (message) => {
    const item = decodeResponse(message)
    if (item?.type === 'batch') add(item)
  })
  db.close()
  return { events, lasted }
}

export async function benchEndToEnd(seconds: number): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  const source = `synthetic:${RATE}:${PAGES}`
  try {
    const decoded = await withAgent(folder, source, ({ endpoint }) => measureDecoded(endpoint, seconds))
    const size = decoded.bytes / decoded.events
    const raw = await withAgent(folder, source, ({ endpoint }) => measureRaw(endpoint, seconds))
    const whole = await withAgent(folder, source, ({ endpoint }) =>
      measureWhole(endpoint, seconds, join(folder, 'whole.db')),
    )
    const naive = await withAgent(folder, source, ({ endpoint }) =>
      measureNaive(endpoint, seconds, join(folder, 'naive.db')),
    )
    const rate = (events: number, lasted: number) => `${(events / lasted / 1e6).toFixed(3)} M/s`
    const wholeRate = whole.events / whole.lasted
    return [
      {
        what: 'receive, nothing else',
        figure: rate(raw.bytes / size, raw.lasted),
        beside: `${(raw.bytes / raw.lasted / 1e6).toFixed(0)} MB/s, ${size.toFixed(1)} B an event`,
      },
      { what: 'receive and decode into columns', figure: rate(decoded.events, decoded.lasted) },
      {
        what: 'the recorder: history, facts, sealed file',
        figure: rate(whole.events, whole.lasted),
        beside: `${(whole.bytes / whole.events).toFixed(1)} B an event on disk`,
      },
      {
        what: 'naive: an object and an insert an event',
        figure: rate(naive.events, naive.lasted),
        beside: `the recorder is ${(wholeRate / (naive.events / naive.lasted)).toFixed(1)} times that`,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Size of the binary, and what it takes of this host while little happens and while much does. */
export async function benchAgent(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  const IDLE_SECONDS = 5
  try {
    const binary = statSync(requireAgent(process.env)).size
    const idle = await withAgent(
      folder,
      'synthetic:1',
      async (agent) => {
        await sleep(1500)
        const before = ticksOf(agent.process)
        await sleep(IDLE_SECONDS * 1000)
        return {
          cpu: ((ticksOf(agent.process) - before) / IDLE_SECONDS).toFixed(1),
          rss: residentMb(agent.process),
        }
      },
      '8M',
    )
    const busy = await withAgent(
      folder,
      'synthetic:500000',
      async (agent) => {
        await measureDecoded(agent.endpoint, 4)
        return residentMb(agent.process)
      },
      '8M',
    )
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
  printTable('end to end', await benchEndToEnd(Number(process.argv[2] ?? 5)))
