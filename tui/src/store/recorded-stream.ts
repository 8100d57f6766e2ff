import type { StackInfo, StreamItem } from '../model/events.js'
import type { Recording } from './recording.js'
import { storedStream } from './stored-stream.js'

/** The time that a recording covers, ns since the boot of its host; both 0 where it holds no event. */
export interface Span {
  readonly beginNs: number
  readonly endNs: number
}

/** From the first recorded event to the last one. */
export function spanOf(recording: Recording): Span {
  const [row] = recording.select<{ readonly beginNs: number | null; readonly endNs: number | null }>(
    'SELECT min(from_ns) AS beginNs, max(until_ns) AS endNs FROM event_block',
  )
  return { beginNs: row.beginNs ?? 0, endNs: row.endNs ?? 0 }
}

/**
 * The stream that was recorded with all that a person watches in it: heartbeats where they were, and the stacks of a run before
 * its first event. Books of legs are those of the run's end: no others are kept.
 */
export function* recordedItems(recording: Recording): Generator<StreamItem> {
  let beats: Beats | undefined
  let stacks: readonly StackInfo[] = []
  for (const { run, item } of storedStream(recording)) {
    if (item.type === 'started') {
      if (beats !== undefined) yield* beats.before(Infinity)
      beats = new Beats(recording, run, item)
      stacks = stacksOf(recording, run)
      yield item
    } else if (item.type === 'batch') {
      if (beats !== undefined && item.events.length > 0) yield* beats.before(item.events.timeNs[0])
      yield { ...item, stacks }
      stacks = []
    } else {
      yield item
    }
  }
  if (beats !== undefined) yield* beats.before(Infinity)
}

interface BeatRow {
  readonly timeNs: number
  readonly lastSeq: number
  readonly ringUsedBytes: number
  readonly ringSizeBytes: number
  readonly residentBytes: number
  readonly cpuNs: number
}

/** Heartbeats of a run, taken from the front. */
class Beats {
  readonly #rows: readonly BeatRow[]
  readonly #started: StreamItem & { readonly type: 'started' }
  #next = 0

  constructor(recording: Recording, run: number, started: StreamItem & { readonly type: 'started' }) {
    this.#started = started
    this.#rows = recording.select<BeatRow>(
      `SELECT time_ns AS timeNs, last_seq AS lastSeq, ring_used_bytes AS ringUsedBytes,
              ring_size_bytes AS ringSizeBytes, resident_bytes AS residentBytes, cpu_ns AS cpuNs
       FROM agent_load WHERE run = ? ORDER BY time_ns`,
      run,
    )
  }

  *before(timeNs: number): Generator<StreamItem> {
    const { legs } = this.#started.agent
    while (this.#next < this.#rows.length && this.#rows[this.#next].timeNs < timeNs)
      yield { type: 'heartbeat', ...this.#rows[this.#next++], legs }
  }
}

function stacksOf(recording: Recording, run: number): readonly StackInfo[] {
  return recording
    .select<{ readonly stack: number; readonly taker: string; readonly frames: string }>(
      'SELECT stack, taker, frames FROM stack WHERE run = ?',
      run,
    )
    .map(({ stack, taker, frames }) => ({ stack, taker, frames: namesIn(frames) }))
}

/** The JSON array that the writer made; a damaged one holds nothing. */
function namesIn(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.map(String) : []
  } catch {
    return []
  }
}
