import { createHash } from 'node:crypto'
import { columnsOf, type EventRow } from '../model/event-rows.js'
import {
  NOTHING_SEEN,
  type AgentInfo,
  type LegBooks,
  type ProcessInfo,
  type StreamItem,
} from '../model/events.js'
import { Kind } from '../model/kinds.js'
import { Assembler } from './assembler.js'
import { bpftraceLine } from './bpftrace-line.js'
import { Order, type Hole } from './order.js'
import { told, type Told } from './told.js'

const EVENTS_A_BATCH = 1024
const BEAT_NS = 1e9

/** Legs that the script tells, by the kinds that they tell; see `Kind` of the proto. */
const TOLD_LEGS: ReadonlyMap<string, readonly number[]> = new Map([
  ['wp-fault', [Kind.WpFault]],
  ['gup', [Kind.Gup]],
  ['unpin', [Kind.Unpin]],
  ['fork', [Kind.Fork, Kind.ForkVma, Kind.ForkCopy]],
  ['unmap', [Kind.Unmap]],
  ['exit', [Kind.Exec, Kind.MmExit]],
  ['free', [Kind.FrameFree]],
  ['anon-new', [Kind.AnonNew]],
])
const UNTOLD_LEGS = [
  'huge-wp', 'hugetlb-wp', 'wrprotect', 'uffd', 'pmd-split', 'folio-split', 'collapse', 'swap', 'migrate', 'ksm', 'remap',
] as const // prettier-ignore

/** What became of the lines. */
export interface ImportCounts {
  lines: number
  /** Lines that are none of bpftrace's, or none of the script's, or were cut off. */
  garbled: number
  /** Of what was lost: lines that are missing in the count of a processor. */
  missing: number
  /** What bpftrace itself said that it lost. */
  saidLost: number
}

/** Makes of lines the items that an agent would have sent. To be fed in the order of the file. */
export class Imported {
  readonly counts: ImportCounts = { lines: 0, garbled: 0, missing: 0, saidLost: 0 }
  #run: Run | undefined
  /** The first lines of a run, until one comes that is about something else. */
  #header: Header | undefined

  /** Whether the script's first line was met. */
  get hasBegun(): boolean {
    return this.#run !== undefined || this.#header !== undefined
  }

  /** What follows from the next line; `undefined` is one that could not even be read. */
  take(line: string | undefined): readonly StreamItem[] {
    this.counts.lines++
    const outer = line === undefined ? ({ type: 'garbled' } as const) : bpftraceLine(line)
    if (outer.type === 'lost') this.counts.saidLost += outer.count
    if (outer.type === 'garbled') this.counts.garbled++
    if (outer.type !== 'printf') return NOTHING
    const read = told(outer.text)
    if (read === undefined || (!this.hasBegun && read.kind !== 'cowpath')) {
      this.counts.garbled++
      return NOTHING
    }
    if (read.kind === 'cowpath') {
      // Another run of the script in the same file: nothing of the one before is known in it.
      const before = this.#endRun()
      this.#header = { lines: [read], hostname: '', wallNs: 0n }
      return before
    }
    return this.#inRun(read)
  }

  /** The file is over. */
  finish(): readonly StreamItem[] {
    return [...this.#beginRun(), ...this.#endRun()]
  }

  #inRun(line: Told): readonly StreamItem[] {
    const header = this.#header
    if (header !== undefined && (line.kind === 'host' || line.kind === 'wall')) {
      header.lines.push(line)
      if (line.kind === 'host') header.hostname = line.text
      else if (/^\d{1,11}$/.test(line.text))
        header.wallNs = BigInt(line.text) * 1_000_000_000n - BigInt(line.timeNs)
      return NOTHING
    }
    const begun = this.#beginRun()
    const items = this.#run?.take(line) ?? NOTHING
    return begun.length === 0 ? items : [...begun, ...items]
  }

  #beginRun(): readonly StreamItem[] {
    if (this.#header === undefined) return NOTHING
    const { lines, hostname, wallNs } = this.#header
    this.#header = undefined
    this.#run = new Run(lines)
    return [{ type: 'started', agent: agentOf(lines[0], hostname, wallNs), nextSeq: 1 }]
  }

  #endRun(): readonly StreamItem[] {
    const run = this.#run
    if (run === undefined) return NOTHING
    this.#run = undefined
    const items = run.finish(this.counts.saidLost - this.counts.missing)
    this.counts.missing += run.missing
    return items
  }
}

const NOTHING: readonly StreamItem[] = []

interface Header {
  readonly lines: [Told, ...Told[]]
  hostname: string
  wallNs: bigint
}

/** One run of the script. */
class Run {
  readonly #order = new Order()
  readonly #assembler: Assembler
  readonly #seen = new Map<string, number>()
  readonly #firstNs: number
  #items: StreamItem[] = []
  #rows: EventRow[] = []
  #processes: ProcessInfo[] = []
  #lastSeq = 0
  #timeNs = 0
  #beatNs = 0

  constructor(header: Header['lines']) {
    const [first] = header
    this.#firstNs = first.timeNs
    for (const line of header) this.#order.take(line)
    this.#assembler = new Assembler(first.text, {
      event: (row) => {
        this.#rows.push({ ...row, seq: this.#lastSeq + this.#rows.length + 1 })
        if (this.#rows.length === EVENTS_A_BATCH) this.#tellBatch()
      },
      process: (process) => {
        this.#processes.push(process)
      },
      lost: (leg, count, timeNs) => {
        this.#lose({ count, timeNs, untilNs: timeNs }, leg)
      },
    })
  }

  get missing(): number {
    return this.#order.missing
  }

  take(line: Told): readonly StreamItem[] {
    this.#takeAll(this.#order.take(line))
    return this.#takeItems()
  }

  /** `saidLost`: lines that bpftrace says it lost, in this run. */
  finish(saidLost: number): readonly StreamItem[] {
    this.#takeAll(this.#order.rest())
    this.#assembler.forget()
    // Some left no hole: no line followed them.
    const untold = saidLost - this.#order.missing
    if (untold > 0) this.#lose({ count: untold, timeNs: this.#firstNs, untilNs: this.#timeNs }, '')
    this.#tellBatch()
    this.#items.push(this.#heartbeat(this.#timeNs))
    return this.#takeItems()
  }

  #takeAll(lines: readonly (Told | Hole)[]): void {
    for (const line of lines) {
      if (line.kind === 'hole') {
        this.#assembler.forget()
        this.#lose(line, '')
        continue
      }
      this.#timeNs = Math.max(this.#timeNs, line.timeNs)
      if (line.kind === 'beat' && line.timeNs >= this.#beatNs + BEAT_NS) {
        this.#beatNs = line.timeNs
        this.#tellBatch()
        this.#items.push(this.#heartbeat(line.timeNs))
      }
      this.#assembler.take(line)
    }
  }

  #lose({ count, timeNs, untilNs }: Pick<Hole, 'count' | 'timeNs' | 'untilNs'>, leg: string): void {
    this.#tellBatch()
    const loss = { hop: 'ring', count, firstSeq: 0, lastSeq: 0, fromNs: timeNs, untilNs, leg } as const
    this.#items.push({ type: 'loss', loss })
  }

  #tellBatch(): void {
    const rows = this.#rows
    const stacks = this.#assembler.stacks.takeFresh()
    if (rows.length === 0 && this.#processes.length === 0 && stacks.length === 0) return
    for (const { kind } of rows)
      for (const [leg, kinds] of TOLD_LEGS)
        if (kinds.includes(kind)) this.#seen.set(leg, (this.#seen.get(leg) ?? 0) + 1)
    this.#items.push({
      type: 'batch',
      firstSeq: this.#lastSeq + 1,
      lastSeq: this.#lastSeq + rows.length,
      filtered: 0,
      processes: this.#processes,
      stacks,
      events: columnsOf(rows),
    })
    this.#lastSeq += rows.length
    this.#rows = []
    this.#processes = []
  }

  #heartbeat(timeNs: number): StreamItem {
    const sizes = { ringUsedBytes: 0, ringSizeBytes: 0, residentBytes: 0, cpuNs: 0 }
    return { type: 'heartbeat', timeNs, lastSeq: this.#lastSeq, legs: legsOf(this.#seen), ...sizes }
  }

  #takeItems(): readonly StreamItem[] {
    const items = this.#items
    this.#items = []
    return items
  }
}

function agentOf(header: Told, hostname: string, wallClockOffsetNs: bigint): AgentInfo {
  const { text, timeNs } = header
  const name = createHash('sha256').update(`${text} ${hostname} ${wallClockOffsetNs} ${timeNs}`).digest('hex')
  return {
    bootId: `bpftrace-${name.slice(0, 32)}`,
    agentVersion: `cowpath.bt ${header.number('version')}`,
    kernelRelease: text,
    kernelVersion: '',
    kernelBootId: '',
    hostname,
    cpus: 0,
    pageSize: 4096,
    wallClockOffsetNs,
    legs: legsOf(new Map()),
  }
}

function legsOf(seen: ReadonlyMap<string, number>): readonly LegBooks[] {
  const told = [...TOLD_LEGS.keys()].map((name) => {
    const events = seen.get(name) ?? 0
    return {
      ...NOTHING_SEEN,
      name,
      attached: true,
      hook: 'bpftrace',
      reasons: [],
      seen: events,
      submitted: events,
    }
  })
  const untold = UNTOLD_LEGS.map((name) => ({
    ...NOTHING_SEEN,
    name,
    attached: false,
    hook: '',
    reasons: ['cowpath.bt does not tell it'],
  }))
  return [...told, ...untold]
}
