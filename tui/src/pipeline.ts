/**
 * The one place where the rooms meet: what an agent sends, to the history, to the recording, to whoever looks on.
 */
import { existsSync, rmSync } from 'node:fs'
import { History } from './history/history.js'
import { ResumedSink } from './history/resumed.js'
import type { AgentInfo, StreamItem } from './model/events.js'
import type { RunState } from './store/messages.js'
import { CowpathError } from './model/failure.js'
import { Recording } from './store/recording.js'
import { RecordingWriter } from './store/writer.js'
import type { Connection } from './views/live-snapshot.js'
import { Follower, type Position } from './wire/follow.js'

export interface PipelineOptions {
  /** This client's own filter, within what the agent traces; absent: all of that. */
  readonly target?: { readonly pids: readonly number[]; readonly comms: readonly string[] }
  /** A recording to make, or to go on with. */
  readonly recordTo?: string
  /** What to do when the agent ends the stream; without a word: `reconnect`. */
  readonly afterEnd?: 'reconnect' | 'finish'
}

export interface PipelineListener {
  item(item: StreamItem): void
  connection(connection: Connection): void
}

/** Follows the agent at `endpoint`, and records on the way where that is asked for. */
export class Pipeline {
  readonly endpoint: string
  readonly #options: PipelineOptions

  constructor(endpoint: string, options: PipelineOptions) {
    this.endpoint = endpoint
    this.#options = options
  }

  /**
   * Runs until `ended` is aborted, or with `finish` until the agent ends its stream; what came is recorded to the last
   * event then. Throws a CowpathError where the agent or the recording cannot be had at all.
   */
  async run(listener: PipelineListener, ended: AbortSignal): Promise<void> {
    const { recordTo } = this.#options
    if (recordTo === undefined) {
      await this.#follow(undefined, listener, ended)
      return
    }
    const isNew = !existsSync(recordTo)
    const recorder = await Recorder.open(recordTo)
    try {
      await this.#follow(recorder, listener, ended)
    } finally {
      await recorder.close()
      // There was no agent: leave nothing behind that looks like a recording.
      if (isNew && !recorder.hasBegun) rmSync(recordTo, { force: true })
    }
  }

  async #follow(
    recorder: Recorder | undefined,
    listener: PipelineListener,
    ended: AbortSignal,
  ): Promise<void> {
    const { endpoint } = this
    const { target, afterEnd = 'reconnect' } = this.#options
    const stop = new AbortController()
    const until = AbortSignal.any([ended, stop.signal])
    const tell = (state: Connection['state'], why: string) => {
      listener.connection(
        state === 'connected' ? { state, endpoint, sinceWallMs: Date.now() } : { state, endpoint, why },
      )
    }
    const follower = new Follower(endpoint, {
      client: 'cowpath',
      afterEnd,
      onConnection: tell,
      ...(target === undefined ? {} : { filter: target }),
      ...(recorder?.position === undefined ? {} : { resume: recorder.position }),
    })
    recorder?.begin({
      durable: (bootId, seq) => {
        follower.acknowledge(bootId, seq)
      },
      // No event is taken from the agent meanwhile: to whoever looks on that is a broken connection.
      paused: (why) => {
        tell('reconnecting', `${why}: recording waits for room`)
      },
      resumed: () => {
        tell('connected', '')
      },
      failed: () => {
        stop.abort()
      },
    })
    for await (const item of follower.items(until)) {
      const pause = recorder?.take(item)
      listener.item(item)
      if (pause !== undefined) await orAborted(pause, until)
    }
  }
}

interface RecorderListener {
  /** All of the run `bootId` up to `seq` outlives this process. */
  durable(bootId: string, seq: number): void
  paused(why: string): void
  resumed(): void
  failed(): void
}

/** A recording being written, with the history that concludes what is in it. */
class Recorder {
  /** Where the recording ends; undefined: nothing is in it yet. */
  readonly position: Position | undefined
  readonly #writer: RecordingWriter
  readonly #history: History
  readonly #runs: RunState[]
  readonly #heard: Heard
  #run = 0
  #timeNs = 0
  #lastSeq = 0

  private constructor(writer: RecordingWriter, history: History, heard: Heard) {
    this.#writer = writer
    this.#history = history
    this.#runs = [...writer.state.runs]
    this.#heard = heard
    const last = this.#runs.at(-1)
    if (last !== undefined && last.lastSeq > 0)
      this.position = { bootId: last.bootId, afterSeq: last.lastSeq }
  }

  /** Whether an agent's run is in it. */
  get hasBegun(): boolean {
    return this.#runs.length > 0
  }

  /** Throws a CowpathError where `path` cannot be written, or is something else. */
  static async open(path: string): Promise<Recorder> {
    const heard: Heard = { listener: undefined, bootIds: new Map() }
    const writer = await RecordingWriter.open(path, {
      durable: (run, seq) => heard.listener?.durable(heard.bootIds.get(run) ?? '', seq),
      paused: (why) => heard.listener?.paused(why),
      resumed: () => heard.listener?.resumed(),
      // What failed is thrown by the writer's close.
      failed: () => heard.listener?.failed(),
    })
    try {
      return new Recorder(writer, replayed(path, writer), heard)
    } catch (error) {
      await writer.close()
      throw error
    }
  }

  begin(listener: RecorderListener): void {
    this.#heard.listener = {
      ...listener,
      resumed: () => {
        this.#toldOfFullDisk()
        listener.resumed()
      },
    }
  }

  /** Takes the next item of the stream. The promise, if there is one, is to be awaited before the next. */
  take(item: StreamItem): Promise<void> | undefined {
    switch (item.type) {
      case 'started':
        this.#started(item.agent, item.nextSeq)
        break
      case 'batch':
        if (item.lastSeq >= item.firstSeq) {
          this.#writer.events(this.#run, item.firstSeq, item.lastSeq, item.events)
          this.#lastSeq = item.lastSeq
        }
        this.#history.apply(item)
        break
      case 'loss':
        this.#history.lose(item.loss)
        break
      case 'heartbeat':
        this.#beat(item)
        break
    }
    return this.#writer.ready()
  }

  /** Concludes, commits what is left, and makes the recording ready to be asked. */
  async close(): Promise<void> {
    this.#heard.listener = undefined
    this.#history.finish()
    await this.#writer.close()
  }

  #started(agent: AgentInfo, nextSeq: number): void {
    const met = this.#runs.find(({ bootId }) => bootId === agent.bootId)
    const run = met?.run ?? (this.#runs.at(-1)?.run ?? 0) + 1
    if (met === undefined) this.#runs.push({ run, bootId: agent.bootId, lastSeq: 0 })
    this.#heard.bootIds.set(run, agent.bootId)
    this.#run = run
    this.#writer.run(run, agent, nextSeq)
    this.#history.begin(run, nextSeq)
  }

  #beat(beat: StreamItem & { readonly type: 'heartbeat' }): void {
    const { timeNs, lastSeq, ringUsedBytes, ringSizeBytes, residentBytes, cpuNs } = beat
    this.#timeNs = timeNs
    this.#writer.load(this.#run, { timeNs, lastSeq, ringUsedBytes, ringSizeBytes, residentBytes, cpuNs })
    this.#writer.legs(this.#run, beat.legs)
    this.#history.advance(timeNs)
  }

  /** What the agent could not hold meanwhile it tells by itself; this says why. */
  #toldOfFullDisk(): void {
    this.#writer.gap({
      run: this.#run,
      reason: 'disk-full',
      count: 0,
      firstSeq: this.#lastSeq,
      lastSeq: this.#lastSeq,
      fromNs: this.#timeNs,
      untilNs: this.#timeNs,
      leg: '',
    })
  }
}

/** What the writer's callbacks need before there is a recorder. */
interface Heard {
  listener: RecorderListener | undefined
  readonly bootIds: Map<number, string>
}

/** A history that knows what the recording holds, and goes on from there. */
function replayed(path: string, writer: RecordingWriter): History {
  const { state } = writer
  const last = state.runs.at(-1)
  if (last === undefined) return new History(writer)
  const sink = new ResumedSink(writer, { ...state, run: last.run })
  const history = new History(sink, { ratedEvents: state.ratedEvents })
  const recording = Recording.open(path)
  try {
    for (const { run, firstSeq, lastSeq, events } of recording.events()) {
      sink.replaying(run)
      history.begin(run, firstSeq)
      history.apply({ firstSeq, lastSeq, processes: [], events })
    }
  } finally {
    recording.close()
  }
  history.finish()
  if (!sink.isComplete)
    throw new CowpathError({
      what: `cannot go on with ${path}`,
      why: 'another version of cowpath concluded what it holds',
      todo: 'record into another file',
    })
  sink.live()
  return history
}

async function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: () => void = () => undefined
  const aborted = new Promise<void>((resolve) => {
    stop = resolve
  })
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  await Promise.race([wait, aborted])
  signal.removeEventListener('abort', stop)
}
