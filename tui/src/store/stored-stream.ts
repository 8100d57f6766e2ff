import type { AgentInfo, EventColumns, LegBooks, LossInfo, ProcessInfo, StreamItem } from '../model/events.js'
import { EVENT_COLUMNS } from './columns.js'
import { eventsAhead } from './read-ahead.js'
import type { Recording } from './recording.js'

/** One step of the stream that was recorded, and of which run of the agent. */
export interface StoredStep {
  readonly run: number
  readonly item: StreamItem
}

/**
 * The stream as it was recorded, to conclude from it again: runs, events, and losses where they were told, so that
 * what was uncertain then is uncertain again. Heartbeats and stacks are left out. Throws a CowpathError where the file
 * is damaged.
 */
export function* storedStream(recording: Recording): Generator<StoredStep> {
  const agents = new Map(storedAgents(recording).map((stored) => [stored.run, stored]))
  const gaps = new StoredGaps(recording)
  const names = new StoredNames(recording)
  let run = 0
  for (const block of eventsAhead(recording)) {
    if (block.run !== run) {
      for (const loss of gaps.rest(run)) yield { run, item: { type: 'loss', loss } }
      run = block.run
      const stored = agents.get(run)
      if (stored !== undefined)
        yield { run, item: { type: 'started', agent: stored.agent, nextSeq: stored.firstSeq } }
    }
    const { events } = block
    let at = 0
    let firstSeq = block.firstSeq
    const piece = (until: number, lastSeq: number): StoredStep => {
      const part = slice(events, at, until)
      const filtered = Math.max(0, lastSeq - firstSeq + 1 - part.length)
      const untilNs = part.length === 0 ? 0 : part.timeNs[part.length - 1]
      const processes = names.seenUntil(run, untilNs)
      return {
        run,
        item: { type: 'batch', firstSeq, lastSeq, filtered, processes, stacks: [], events: part },
      }
    }
    for (let gap = gaps.within(run, events, at); gap !== undefined; gap = gaps.within(run, events, at)) {
      const { index, loss } = gap
      const before = index === 0 ? firstSeq - 1 : events.seq[index - 1]
      const lastSeq = loss.lastSeq === 0 ? before : Math.max(before, loss.firstSeq - 1)
      if (index > at || lastSeq >= firstSeq) yield piece(index, lastSeq)
      yield { run, item: { type: 'loss', loss } }
      at = index
      firstSeq = Math.max(lastSeq, loss.lastSeq) + 1
    }
    if (at < events.length || block.lastSeq >= firstSeq) yield piece(events.length, block.lastSeq)
  }
  for (const loss of gaps.rest(run)) yield { run, item: { type: 'loss', loss } }
}

/** What the agent of a run said of itself. */
export interface StoredAgent {
  readonly run: number
  readonly firstSeq: number
  readonly agent: AgentInfo
}

interface AgentRow extends Omit<AgentInfo, 'legs' | 'wallClockOffsetNs' | 'stacks'> {
  readonly onePageIn: number
  readonly run: number
  readonly firstSeq: number
  /** Beyond 2^53. */
  readonly wallClockOffsetNs: string
}

interface LegRow extends Omit<LegBooks, 'attached' | 'reasons'> {
  readonly attached: number
}

/** In the order of the runs. */
export function storedAgents(recording: Recording): readonly StoredAgent[] {
  const rows = recording.select<AgentRow>(
    `SELECT r.run, r.first_seq AS firstSeq, r.boot_id AS bootId, r.agent_version AS agentVersion,
            CAST(h.kernel_release AS TEXT) AS kernelRelease, h.kernel_version AS kernelVersion, h.kernel_boot_id AS kernelBootId,
            r.one_page_in AS onePageIn, h.hostname, h.cpus, h.page_size_bytes AS pageSize, CAST(CAST(r.wall_clock_offset_ns AS INTEGER) AS TEXT) AS wallClockOffsetNs
     FROM run r JOIN host h ON h.host = r.host ORDER BY r.run`,
  )
  return rows.map(({ run, firstSeq, wallClockOffsetNs, onePageIn, ...agent }) => ({
    run,
    firstSeq,
    agent: {
      ...agent,
      ...(onePageIn > 1 ? { onePageIn } : {}),
      wallClockOffsetNs: BigInt(wallClockOffsetNs),
      legs: legsOf(recording, run),
    },
  }))
}

function legsOf(recording: Recording, run: number): readonly LegBooks[] {
  const rows = recording.select<LegRow>(
    `SELECT name, attached, hook, seen, submitted, ring_full AS ringFull, filtered, throttled, missed
     FROM leg WHERE run = ? ORDER BY name`,
    run,
  )
  return rows.map((leg) => ({ ...leg, attached: leg.attached === 1, reasons: [] }))
}

interface GapRow {
  readonly reason: string
  readonly leg: string
  readonly events: number
  readonly first_seq: number
  readonly last_seq: number
  readonly from_ns: number
  readonly until_ns: number
  readonly after_seq: number | null
}

/** Losses that the agent told, or that its numbers showed; other gaps a history concludes by itself. */
class StoredGaps {
  readonly #recording: Recording
  #run = 0
  #rows: readonly GapRow[] = []
  #next = 0

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** The next loss that was told before the last of these events, with the index of the event that came after it. */
  within(
    run: number,
    events: EventColumns,
    from: number,
  ): { readonly index: number; readonly loss: LossInfo } | undefined {
    this.#select(run)
    const gap = this.#rows.at(this.#next)
    if (gap === undefined) return undefined
    for (let index = from; index < events.length; index++) {
      if (!isAfter(gap, events, index)) continue
      this.#next++
      return { index, loss: lossOf(gap) }
    }
    return undefined
  }

  /** Losses behind the last event of a run. */
  *rest(run: number): Generator<LossInfo> {
    if (run === 0) return
    this.#select(run)
    while (this.#next < this.#rows.length) yield lossOf(this.#rows[this.#next++])
  }

  #select(run: number): void {
    if (run === this.#run) return
    this.#run = run
    this.#next = 0
    this.#rows = this.#recording.select<GapRow>(
      `SELECT reason, leg, events, first_seq, last_seq, from_ns, until_ns, after_seq FROM gap
       WHERE run = ? AND reason IN ('ring', 'not-entered', 'client-queue', 'replay', 'reconnect', 'retention') ORDER BY gap`,
      run,
    )
  }
}

/** Whether event i came after the loss was told. Schema 1 does not say when that was: then, after it began. */
function isAfter(gap: GapRow, events: EventColumns, i: number): boolean {
  if (gap.last_seq !== 0) return events.seq[i] > gap.last_seq
  return gap.after_seq === null ? events.timeNs[i] >= gap.from_ns : events.seq[i] > gap.after_seq
}

/** What was removed is to whoever concludes again as if it had not been there to be had. */
function hopOf(reason: string): LossInfo['hop'] {
  if (reason === 'ring' || reason === 'not-entered' || reason === 'replay') return reason
  return reason === 'retention' ? 'replay' : 'client-queue'
}

function lossOf(gap: GapRow): LossInfo {
  return {
    hop: hopOf(gap.reason),
    count: gap.events,
    firstSeq: gap.first_seq,
    lastSeq: gap.last_seq,
    fromNs: gap.from_ns,
    untilNs: gap.until_ns,
    leg: gap.leg,
  }
}

interface NameRow extends ProcessInfo {
  readonly process: number
  readonly seenNs: number
}

const NAMES_A_PAGE = 1000

/** Processes of a run in the order in which they were named, some at a time; those that no address space is known of tell nothing. */
class StoredNames {
  readonly #recording: Recording
  #run = 0
  #rows: readonly NameRow[] = []
  #next = 0
  #isLastPage = true

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** Those that follow and were seen until then. */
  seenUntil(run: number, timeNs: number): readonly ProcessInfo[] {
    if (run !== this.#run) {
      this.#run = run
      this.#read(0)
    }
    const seen: ProcessInfo[] = []
    for (let row = this.#peek(); row !== undefined && row.seenNs <= timeNs; row = this.#peek()) {
      const { tgid, parentTgid, mm, comm, startTimeNs } = row
      seen.push({ tgid, parentTgid, mm, comm, startTimeNs })
      this.#next++
    }
    return seen
  }

  #peek(): NameRow | undefined {
    if (this.#next === this.#rows.length && !this.#isLastPage) this.#read(this.#rows.at(-1)?.process ?? 0)
    return this.#rows.at(this.#next)
  }

  #read(after: number): void {
    this.#next = 0
    this.#rows = this.#recording.select<NameRow>(
      `SELECT p.process, p.tgid, p.parent_tgid AS parentTgid, m.agent_mm AS mm, p.comm,
              p.start_time_ns AS startTimeNs, p.seen_ns AS seenNs
       FROM process p JOIN mm m ON m.mm = p.mm
       WHERE m.run = ? AND p.process > ? ORDER BY p.process LIMIT ${NAMES_A_PAGE}`,
      ...[this.#run, after],
    )
    this.#isLastPage = this.#rows.length < NAMES_A_PAGE
  }
}

/** Events [from, until) of a batch, over the same memory. */
function slice(events: EventColumns, from: number, until: number): EventColumns {
  if (from === 0 && until === events.length) return events
  const columns = EVENT_COLUMNS.map(({ name }) => [name, events[name].subarray(from, until)] as const)
  // Each column is the same type as before; a list of all names gives all columns.
  return { length: until - from, ...Object.fromEntries(columns) } as unknown as EventColumns
}
