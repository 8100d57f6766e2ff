import { History } from '../history/history.js'
import { ResumedSink } from '../history/resumed.js'
import type { CountersSnapshot } from '../model/counts.js'
import type { AgentInfo, StreamItem } from '../model/events.js'
import type { FactSink } from '../model/facts.js'
import { CowpathError } from '../model/failure.js'
import { pmdOrderOf } from '../model/page-size.js'
import type { RunState } from '../store/messages.js'
import type { RuleCount } from '../model/finding.js'
import { spanOf } from '../store/recorded-stream.js'
import { Recording } from '../store/recording.js'
import type { Keep } from '../store/retention.js'
import { RecordingWriter } from '../store/writer.js'
import type { Position } from '../wire/follow.js'
import { concludeAgain } from './conclude-again.js'
import { type Conclusions, FactsShown, findingsShown } from './conclusions.js'
import { CountersTold } from './counters-told.js'
import { HeldFindings } from './held-findings.js'
import { Judges, type JudgeOf } from './judges.js'
import { FactsNumberedOn, FindingsNumberedOn } from './numbered-on.js'

/** What was concluded of stored events so long before the last of them is stored, too; later, it may have waited for its turn. */
const LATEST_NS = 1e9

export interface RecorderListener {
  /** All of the run `bootId` up to `seq` outlives this process. */
  durable(bootId: string, seq: number): void
  paused(why: string): void
  resumed(): void
  failed(): void
}

/** A recording being written, with the history that concludes what is in it. */
export class Recorder {
  /** Where the recording ends; undefined: nothing is in it yet. */
  readonly position: Position | undefined
  readonly #writer: RecordingWriter
  readonly #history: History
  readonly #judges: Judges
  readonly #runs: RunState[]
  readonly #heard: Heard
  readonly #counters = new CountersTold()
  #run = 0
  #timeNs = 0
  #lastSeq = 0

  private constructor(writer: RecordingWriter, { history, judges }: Concluding, heard: Heard) {
    this.#writer = writer
    this.#history = history
    this.#judges = judges
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
  static async open(
    path: string,
    judgeOf: JudgeOf,
    conclusions?: Conclusions,
    keep?: Keep,
  ): Promise<Recorder> {
    const heard: Heard = { listener: undefined, bootIds: new Map() }
    const told = {
      durable: (run: number, seq: number) => heard.listener?.durable(heard.bootIds.get(run) ?? '', seq),
      paused: (why: string) => heard.listener?.paused(why),
      resumed: () => heard.listener?.resumed(),
      // What failed is thrown by the writer's close.
      failed: () => heard.listener?.failed(),
    }
    const writer = await RecordingWriter.open(path, told, keep)
    try {
      return new Recorder(writer, resumed(path, writer, judgeOf, conclusions), heard)
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
        this.#writer.stacks(this.#run, item.stacks)
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

  /** The counters of all processes, of the agent that the last item came from. */
  counted(snapshot: CountersSnapshot): void {
    if (this.#run === 0) return
    const change = this.#counters.change(snapshot)
    if (change.changed.length + change.gone.length > 0) this.#writer.counters(this.#run, change)
  }

  /** Concludes, commits what is left, and makes the recording ready to be asked. */
  async close(): Promise<void> {
    this.#heard.listener = undefined
    this.#history.finish()
    this.#judges.finish()
    await this.#writer.close()
  }

  #started(agent: AgentInfo, nextSeq: number): void {
    const met = this.#runs.find(({ bootId }) => bootId === agent.bootId)
    const run = met?.run ?? (this.#runs.at(-1)?.run ?? 0) + 1
    if (met === undefined) this.#runs.push({ run, bootId: agent.bootId, lastSeq: 0 })
    this.#heard.bootIds.set(run, agent.bootId)
    if (run !== this.#run) this.#counters.clear()
    this.#run = run
    this.#writer.run(run, agent, nextSeq)
    this.#judges.started(run, agent)
    this.#history.begin(run, nextSeq, pmdOrderOf(agent.pageSize), agent.onePageIn)
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

interface Concluding {
  readonly history: History
  readonly judges: Judges
}

/** A history and judges that know what the recording holds, and go on from there. */
function resumed(
  path: string,
  writer: RecordingWriter,
  judgeOf: JudgeOf,
  conclusions: Conclusions | undefined,
): Concluding {
  const { state } = writer
  if (state.isTrimmed) return anew(path, writer, judgeOf, conclusions)
  const findings = new HeldFindings(writer)
  const judges = new Judges(judgeOf, findingsShown(findings, conclusions))
  const last = state.runs.at(-1)
  if (last === undefined) {
    findings.release()
    return { history: new History(shown(writer, conclusions), { judge: judges }), judges }
  }
  const sink = new ResumedSink(writer, { ...state, run: last.run })
  const history = new History(shown(sink, conclusions), { ratedEvents: state.ratedEvents, judge: judges })
  const recording = Recording.open(path)
  try {
    writer.endsAreStoredUntil(lastTimeOf(recording, last.run) - LATEST_NS)
    concludeAgain(recording, history, judges, (run) => {
      sink.replaying(run)
    })
  } finally {
    recording.close()
  }
  if (!sink.isComplete)
    throw new CowpathError({
      what: `cannot go on with ${path}`,
      why: 'another version of cowpath concluded what it holds',
      todo: 'record into another file',
    })
  sink.live()
  writer.endsAreStoredUntil(-Infinity)
  // What is found is told anew by each recorder: it follows from the stored events, by the rules of today.
  writer.findingsAnew()
  findings.release()
  return { history, judges }
}

function lastTimeOf(recording: Recording, run: number): number {
  const [{ timeNs }] = recording.select<{ readonly timeNs: number | null }>(
    'SELECT max(until_ns) AS timeNs FROM event_block WHERE run = ?',
    run,
  )
  return timeNs ?? 0
}

/** The oldest events are gone: what was concluded stays as it is, and what has not ended is not known of any more. */
function anew(
  path: string,
  writer: RecordingWriter,
  judgeOf: JudgeOf,
  conclusions: Conclusions | undefined,
): Concluding {
  const { state } = writer
  const run = state.runs.at(-1)?.run ?? 0
  const recording = Recording.open(path)
  try {
    const counted = recording.select<RuleCount>(
      'SELECT rule, size, checked, held, broken, unknown FROM rule_count WHERE run = ?',
      run,
    )
    const findings = new FindingsNumberedOn(writer, state, run, counted)
    const judges = new Judges(judgeOf, findingsShown(findings, conclusions))
    const history = new History(shown(new FactsNumberedOn(writer, state), conclusions), { judge: judges })
    writer.forgotten(spanOf(recording).endNs)
    return { history, judges }
  } finally {
    recording.close()
  }
}

function shown(sink: FactSink, conclusions: Conclusions | undefined): FactSink {
  return conclusions === undefined ? sink : new FactsShown(sink, conclusions)
}
