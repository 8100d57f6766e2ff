import type { AgentInfo, LegBooks, LossInfo, ProcessInfo, StackInfo, StreamItem } from '../model/events.js'
import type { Recording } from './recording.js'

/** The time that a recording covers, ns since the boot of its host; both 0 where it holds no event. */
export interface Span {
  readonly beginNs: number
  readonly endNs: number
}

/** From the first recorded event to the last one. */
export function spanOf(recording: Recording): Span {
  const row = recording.db
    .prepare<[], { readonly begin_ns: number | null; readonly end_ns: number | null }>(
      'SELECT min(from_ns) AS begin_ns, max(until_ns) AS end_ns FROM event_block',
    )
    .get()
  return { beginNs: row?.begin_ns ?? 0, endNs: row?.end_ns ?? 0 }
}

/**
 * A recording as the stream that it was made of: each run begins, names processes when they were first seen, loses what it lost, and
 * beats as it did. Books of legs are those of the run's end: no others are kept.
 */
export function* recordedItems(recording: Recording): Generator<StreamItem> {
  const names = new Queue(recording.db.prepare<[], Named>('SELECT * FROM process ORDER BY process').all())
  let run: RecordedRun | undefined
  for (const { run: number, firstSeq, lastSeq, events } of recording.events()) {
    const fresh = run?.number === number ? undefined : new RecordedRun(recording, number)
    if (fresh !== undefined) {
      if (run !== undefined) yield* run.beatsBefore(Infinity)
      run = fresh
      yield { type: 'started', agent: fresh.agent, nextSeq: firstSeq }
    }
    if (run === undefined || events.length === 0) continue
    yield* run.beatsBefore(events.timeNs[0])
    yield* run.lossesBefore(firstSeq, events.timeNs[0])
    const processes = [...names.takeWhile(({ seen_ns }) => seen_ns <= events.timeNs[events.length - 1])]
    yield {
      type: 'batch',
      firstSeq,
      lastSeq,
      filtered: 0,
      processes: processes.map(processInfo),
      stacks: fresh === undefined ? [] : fresh.stacks(),
      events,
    }
  }
  if (run !== undefined) yield* run.beatsBefore(Infinity)
}

/** What is recorded of one run beside its events. */
class RecordedRun {
  readonly number: number
  readonly agent: AgentInfo
  readonly #recording: Recording
  readonly #beats: Queue<Beat>
  readonly #losses: Queue<Lost>

  constructor(recording: Recording, run: number) {
    this.number = run
    this.#recording = recording
    this.agent = agentOf(recording, run)
    this.#beats = new Queue(
      recording.db
        .prepare<[number], Beat>('SELECT * FROM agent_load WHERE run = ? ORDER BY time_ns')
        .all(run),
    )
    this.#losses = new Queue(
      recording.db.prepare<[number], Lost>('SELECT * FROM gap WHERE run = ? ORDER BY gap').all(run),
    )
  }

  *beatsBefore(timeNs: number): Generator<StreamItem> {
    for (const beat of this.#beats.takeWhile((next) => next.time_ns < timeNs))
      yield {
        type: 'heartbeat',
        timeNs: beat.time_ns,
        lastSeq: beat.last_seq,
        legs: this.agent.legs,
        ringUsedBytes: beat.ring_used_bytes,
        ringSizeBytes: beat.ring_size_bytes,
        residentBytes: beat.resident_bytes,
        cpuNs: beat.cpu_ns,
      }
  }

  /** Losses that were told before event `seq`, or where that was not noted, that began before `timeNs`. */
  *lossesBefore(seq: number, timeNs: number): Generator<StreamItem> {
    const due = ({ after_seq, from_ns }: Lost) => (after_seq === null ? from_ns <= timeNs : after_seq < seq)
    for (const lost of this.#losses.takeWhile(due)) {
      const hop = HOPS.find((name) => name === lost.reason)
      // The others were not told by the agent: whoever concludes again meets them again.
      if (hop !== undefined) yield { type: 'loss', loss: lossInfo(lost, hop) }
    }
  }

  stacks(): readonly StackInfo[] {
    return this.#recording.db
      .prepare<[number], { readonly stack: number; readonly taker: string; readonly frames: string }>(
        'SELECT stack, taker, frames FROM stack WHERE run = ?',
      )
      .all(this.number)
      .map(({ stack, taker, frames }) => ({ stack, taker, frames: namesIn(frames) }))
  }
}

/** Rows in order, taken from the front. */
class Queue<Row> {
  readonly #rows: readonly Row[]
  #next = 0

  constructor(rows: readonly Row[]) {
    this.#rows = rows
  }

  *takeWhile(isDue: (row: Row) => boolean): Generator<Row> {
    while (this.#next < this.#rows.length && isDue(this.#rows[this.#next])) yield this.#rows[this.#next++]
  }
}

interface Beat {
  readonly time_ns: number
  readonly last_seq: number
  readonly ring_used_bytes: number
  readonly ring_size_bytes: number
  readonly resident_bytes: number
  readonly cpu_ns: number
}

interface Named {
  readonly tgid: number
  readonly parent_tgid: number
  readonly comm: string
  readonly start_time_ns: number
  readonly seen_ns: number
}

interface Lost {
  readonly reason: string
  readonly leg: string
  readonly events: number
  readonly first_seq: number
  readonly last_seq: number
  readonly from_ns: number
  readonly until_ns: number
  readonly after_seq: number | null
}

interface RunRow {
  readonly boot_id: string
  readonly agent_version: string
  readonly wall_clock_offset_ns: number
  readonly hostname: string
  readonly kernel_release: string
  readonly kernel_version: string
  readonly kernel_boot_id: string
  readonly cpus: number
  readonly page_size_bytes: number
}

interface LegRow {
  readonly name: string
  readonly attached: number
  readonly hook: string
  readonly reasons: string
  readonly seen: number
  readonly submitted: number
  readonly ring_full: number
  readonly filtered: number
  readonly throttled: number
  readonly missed: number
}

const HOPS: readonly LossInfo['hop'][] = ['ring', 'client-queue', 'replay']

/** What the agent of a run said of itself. A recording that names a run without telling of it gives an agent without words. */
function agentOf(recording: Recording, run: number): AgentInfo {
  const found = recording.db
    .prepare<[number], RunRow>('SELECT * FROM run JOIN host USING (host) WHERE run = ?')
    .all(run)
  const row = found.at(0)
  return {
    bootId: row?.boot_id ?? `run ${run}`,
    agentVersion: row?.agent_version ?? '',
    kernelRelease: row?.kernel_release ?? '',
    kernelVersion: row?.kernel_version ?? '',
    kernelBootId: row?.kernel_boot_id ?? '',
    hostname: row?.hostname ?? '',
    cpus: row?.cpus ?? 0,
    pageSize: row?.page_size_bytes ?? 4096,
    wallClockOffsetNs: BigInt(Math.trunc(row?.wall_clock_offset_ns ?? 0)),
    legs: recording.db.prepare<[number], LegRow>('SELECT * FROM leg WHERE run = ?').all(run).map(legBooks),
  }
}

function legBooks({ attached, reasons, ring_full, ...row }: LegRow): LegBooks {
  return { ...row, attached: attached !== 0, reasons: namesIn(reasons), ringFull: ring_full }
}

function processInfo({ tgid, parent_tgid, comm, start_time_ns }: Named): ProcessInfo {
  return { tgid, parentTgid: parent_tgid, mm: 0, comm, startTimeNs: start_time_ns }
}

function lossInfo(
  { leg, events, first_seq, last_seq, from_ns, until_ns }: Lost,
  hop: LossInfo['hop'],
): LossInfo {
  return {
    hop,
    leg,
    count: events,
    firstSeq: first_seq,
    lastSeq: last_seq,
    fromNs: from_ns,
    untilNs: until_ns,
  }
}

/** A JSON array of strings; anything else is one string. */
function namesIn(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.map(String) : [text]
  } catch {
    return text === '' ? [] : [text]
  }
}
