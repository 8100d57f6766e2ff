import { existsSync, rmSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { CowpathError } from '../model/failure.js'
import { BlockEncoder, CODEC_TWO_BROTLI } from './block.js'
import { explained } from './format.js'
import { Recording } from './recording.js'
import { Sums } from './sums.js'
import { lastNumbersOf, openToWrite, seal } from './writable.js'

/** What numbers of a recording become where it is one part of several. */
type Role = keyof typeof NUMBERED | 'frames' | 'run' | 'time' | 'second'

/** What is numbered anew, behind the numbers of the parts before. */
const NUMBERED = {
  mm: 'mm',
  vma: 'vma',
  process: 'process',
  fork: 'fork',
  frame: 'frame',
  slot: 'slot',
  edge: 'edge',
  gap: 'gap',
  pin: 'pin',
  finding: 'finding',
} as const

/** In an order in which what is referred to comes first; `word` and `recording` are every recording's own. */
const TABLES = [
  'leg', 'counter', 'agent_load', 'mm', 'vma', 'process', 'fork', 'frame', 'mapping', 'shared', 'ending', 'other_edge', 'gap', 'rate', 'pin', 'finding', 'evidence',
  'rule_count', 'anomaly', 'stack',
] as const // prettier-ignore

const ROLES: Readonly<Record<string, Role>> = {
  ...Object.fromEntries(Object.values(NUMBERED).map((name) => [name, name])),
  run: 'run',
  parent_mm: 'mm',
  child_mm: 'mm',
  reference_mm: 'mm',
  from_frame: 'frame',
  to_frame: 'frame',
  origin: 'frame',
  origin_slot: 'slot',
  frame_list: 'frames',
}

/** Columns in ns that are no moments. */
const SPANS = new Set(['cpu_ns', 'wall_clock_offset_ns'])

const SECOND_NS = 1e9

function roleOf(column: string): Role | undefined {
  if (column === 'second_ns') return 'second'
  if (column.endsWith('_ns') && !SPANS.has(column)) return 'time'
  return ROLES[column]
}

/** Of a frame: its row has it, or another table. */
function freed(column: string): string {
  return `coalesce(${column}, (SELECT d.${column} FROM freed d WHERE d.frame = frame.frame))`
}

interface RunRow {
  readonly run: number
  readonly host: number
  readonly boot_id: string
  readonly agent_version: string
  readonly first_seq: number
  readonly wall_clock_offset_ns: string
  readonly stacks: string
  readonly one_page_in: number
  readonly hostname: string
  readonly kernel_boot_id: string
}

/** One recording that becomes a part of another. */
interface Part {
  readonly recording: Recording
  readonly runs: readonly RunRow[]
}

/**
 * Writes the recordings as one: numbers are given out anew, and the times of all hosts are those of the one that booted first,
 * by what their wall clocks said. The parts are not changed. Throws a CowpathError where one cannot be read, where two hold the
 * same run of an agent, or where `output` is there already.
 */
export function mergeRecordings(paths: readonly string[], output: string): void {
  if (existsSync(output))
    throw new CowpathError({
      what: `cannot write ${output}`,
      why: 'it is there already',
      todo: 'name a new file: a recording is never replaced',
    })
  const parts = paths.map((path): Part => {
    const recording = Recording.open(path)
    return { recording, runs: recording.select<RunRow>(RUNS) }
  })
  try {
    requireDistinctRuns(parts)
    writeMerged(parts, output)
  } catch (error) {
    for (const rest of ['', '-wal', '-shm']) rmSync(output + rest, { force: true })
    throw explained(error, output)
  } finally {
    for (const { recording } of parts) recording.close()
  }
}

const RUNS = `SELECT r.run, r.host, r.boot_id, r.agent_version, r.first_seq, r.stacks, r.one_page_in,
                     CAST(CAST(r.wall_clock_offset_ns AS INTEGER) AS TEXT) AS wall_clock_offset_ns,
                     h.hostname, h.kernel_boot_id
              FROM run r JOIN host h ON h.host = r.host ORDER BY r.run`

function requireDistinctRuns(parts: readonly Part[]): void {
  const holders = new Map<string, string>()
  for (const { recording, runs } of parts)
    for (const { boot_id, hostname } of runs) {
      const other = holders.get(boot_id)
      if (other !== undefined)
        throw new CowpathError({
          what: `cannot merge ${other} and ${recording.path}`,
          why: `both hold the same run of the agent on ${hostname}`,
          todo: 'merge one of them',
        })
      holders.set(boot_id, recording.path)
    }
}

function writeMerged(parts: readonly Part[], output: string): void {
  const { db } = openToWrite(output, 'short')
  try {
    const offsets = new WallClocks(parts)
    db.transaction(() => {
      for (const part of parts) new PartWriter(db, part, offsets).write()
    }).immediate()
    seal(db, () => {
      new Sums(db, 'whole').finish()
    })
  } finally {
    db.close()
  }
}

/** How far each host's time since boot is behind that of the host that booted first. */
class WallClocks {
  readonly #ofHost = new Map<string, bigint>()
  readonly #first: bigint

  constructor(parts: readonly Part[]) {
    for (const { runs } of parts)
      for (const run of runs)
        // Two runs on one boot of one host have one clock: what they measured of it differs by less than that is worth.
        if (!this.#ofHost.has(hostKey(run))) this.#ofHost.set(hostKey(run), BigInt(run.wall_clock_offset_ns))
    this.#first = [...this.#ofHost.values()].reduce((least, each) => (each < least ? each : least), 2n ** 63n)
  }

  /** ns to add to that run's times. */
  shiftOf(run: RunRow): number {
    return Number((this.#ofHost.get(hostKey(run)) ?? this.#first) - this.#first)
  }

  /** What the wall clock said when the common time was 0, ns. */
  get first(): bigint {
    return this.#first
  }
}

function hostKey({ hostname, kernel_boot_id }: RunRow): string {
  return `${kernel_boot_id} ${hostname}`
}

/** Writes one part behind what is there. */
class PartWriter {
  readonly #db: Database.Database
  readonly #part: Part
  readonly #clocks: WallClocks
  /** What is added to numbers of each role; times by the run that they are of. */
  readonly #added: Readonly<Record<string, number>>
  readonly #shifts: ReadonlyMap<number, number>
  /** Where a table does not say of which run a row is, its address space does. */
  readonly #runOfMm: ReadonlyMap<number, number>

  constructor(db: Database.Database, part: Part, clocks: WallClocks) {
    this.#db = db
    this.#part = part
    this.#clocks = clocks
    const last = (table: string): number =>
      db.prepare<[], number | null>(`SELECT max(${table}) FROM ${table}`).pluck().get() ?? 0
    const { lastSlot, lastEdge } = lastNumbersOf(db)
    this.#added = {
      ...Object.fromEntries(
        ['mm', 'vma', 'process', 'fork', 'frame', 'gap', 'pin', 'finding', 'run', 'host'].map((table) => [
          table,
          last(table),
        ]),
      ),
      slot: lastSlot,
      edge: lastEdge,
    }
    this.#shifts = new Map(part.runs.map((run) => [run.run, clocks.shiftOf(run)]))
    this.#runOfMm = new Map(
      this.#isOneClock()
        ? []
        : part.recording
            .select<{ mm: number; run: number }>('SELECT mm, run FROM mm')
            .map(({ mm, run }) => [mm, run]),
    )
  }

  write(): void {
    this.#hostsAndRuns()
    for (const table of TABLES) this.#copy(table)
    this.#blocks()
  }

  #hostsAndRuns(): void {
    const { recording, runs } = this.#part
    const columns = 'hostname, kernel_release, kernel_version, kernel_boot_id, cpus, page_size_bytes'
    const hosts = recording.select<Record<string, string | number>>(`SELECT ${columns} FROM host`)
    const insertHost = this.#db.prepare(
      `INSERT INTO host (${columns})
       VALUES (:hostname, :kernel_release, :kernel_version, :kernel_boot_id, :cpus, :page_size_bytes)
       ON CONFLICT DO NOTHING`,
    )
    for (const values of hosts) insertHost.run(values)
    const insertRun = this.#db.prepare(
      `INSERT INTO run (run, host, boot_id, agent_version, wall_clock_offset_ns, first_seq, stacks, one_page_in)
       SELECT ?, host, ?, ?, ?, ?, ?, ? FROM host WHERE hostname = ? AND kernel_boot_id = ?`,
    )
    for (const {
      run,
      boot_id,
      agent_version,
      first_seq,
      stacks,
      one_page_in,
      hostname,
      kernel_boot_id,
    } of runs)
      insertRun.run(
        run + this.#added.run,
        boot_id,
        agent_version,
        this.#clocks.first,
        first_seq,
        stacks,
        one_page_in,
        hostname,
        kernel_boot_id,
      )
  }

  #copy(table: string): void {
    const { recording } = this.#part
    const columns = this.#db.pragma(`table_info(${table})`) as readonly { readonly name: string }[]
    const names = columns.map(({ name }) => name)
    const roles = names.map(roleOf)
    const insert = this.#db.prepare(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    )
    const runAt = names.indexOf('run')
    const mmAt = ['mm', 'parent_mm'].map((name) => names.indexOf(name)).find((at) => at >= 0) ?? -1
    const read = names.map((name) => (table === 'frame' && name.startsWith('freed_') ? freed(name) : name))
    for (const row of recording.rows(`SELECT ${read.join(', ')} FROM ${table}`)) {
      const shift = this.#shiftOf(row, runAt, mmAt)
      insert.run(row.map((value, i) => this.#renumbered(roles[i], value, shift)))
    }
  }

  #shiftOf(row: readonly (string | number | bigint)[], runAt: number, mmAt: number): number {
    const run =
      runAt >= 0 ? Number(row[runAt]) : (this.#runOfMm.get(Number(row[mmAt])) ?? this.#part.runs[0].run)
    return this.#shifts.get(run) ?? 0
  }

  #renumbered(
    role: Role | undefined,
    value: string | number | bigint | null,
    shift: number,
  ): string | number | bigint | null {
    // A JSON array of numbers.
    if (role === 'frames')
      return String(value).replace(/\d+/g, (frame) => String(Number(frame) + this.#added.frame))
    if (role === undefined || typeof value !== 'bigint') return value
    if (role === 'time') return value + BigInt(shift)
    if (role === 'second') return Math.floor((Number(value) + shift) / SECOND_NS) * SECOND_NS
    // 0 means everywhere: none.
    return value === 0n ? value : value + BigInt(this.#added[role])
  }

  #isOneClock(): boolean {
    return new Set(this.#shifts.values()).size <= 1
  }

  #blocks(): void {
    const encoder = new BlockEncoder()
    const insert = this.#db.prepare(
      `INSERT INTO event_block (run, first_seq, last_seq, from_ns, until_ns, events, codec, data)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    for (const { run, firstSeq, lastSeq, events, fromNs, untilNs } of this.#part.recording.events()) {
      const shift = this.#shifts.get(run) ?? 0
      for (let i = 0; i < events.length; i++) events.timeNs[i] += shift
      const data = encoder.encode(events)
      insert.run(
        run + this.#added.run,
        firstSeq,
        lastSeq,
        fromNs + shift,
        untilNs + shift,
        events.length,
        CODEC_TWO_BROTLI,
        data,
      )
    }
  }
}
