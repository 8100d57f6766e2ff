import { Worker } from 'node:worker_threads'
import type { CountersChange } from '../model/counts.js'
import type { AgentInfo, EventColumns, LegBooks, StackInfo } from '../model/events.js'
import type {
  Cause,
  EdgeKind,
  FactSink,
  ForkFact,
  FrameKind,
  GapFact,
  MmFact,
  PinEnd,
  PinFact,
  ProcessFact,
  VmaFact,
} from '../model/facts.js'
import { CowpathError } from '../model/failure.js'
import type { Finding, RuleCount } from '../model/finding.js'
import { GrowingFacts } from './growing-facts.js'
import { workerFile } from './files.js'
import { HotRows } from './hot-rows.js'
import type { AgentLoad, Chunk, FromWriter, RareFact, RecordingState, ToWriter } from './messages.js'
import { OpenBlocks } from './open-blocks.js'
import type { Keep } from './retention.js'

/** A chunk is sent when it holds this many full blocks, or that many rows.. */
const BLOCKS_A_CHUNK = 32
const ROWS_A_CHUNK = 262_144
/** ..or is this old, so that what is acknowledged is never far behind. */
const CHUNK_MS = 200
/** Chunks that may wait for the writer before {@link RecordingWriter.ready} makes the source wait. */
const CHUNKS_WAITING = 2

export interface WriterListener {
  /** All of `run` up to `seq` is in the database, with what was concluded from it: it may be acknowledged. */
  durable(run: number, seq: number): void
  /** The disk is full; the writer waits for room and nothing is lost but what the agent cannot hold. */
  paused(why: string): void
  resumed(pausedMs: number): void
  /** Nothing can be written any more. */
  failed(error: CowpathError): void
}

/**
 * Writes a recording. Calls never block: they pack into arrays that a worker thread commits, events and what was
 * concluded from them in one transaction.
 */
export class RecordingWriter implements FactSink {
  readonly state: RecordingState
  readonly #worker: Worker
  readonly #listener: WriterListener
  readonly #hot: HotRows
  readonly #growing = new GrowingFacts()
  #rare: RareFact[] = []
  readonly #events = new OpenBlocks()
  /** Last sequence number of each run in the chunk that is being filled. */
  #seqs = new Map<number, number>()
  readonly #unacknowledged = new Map<number, ReadonlyMap<number, number>>()
  /** Of the events that were handed in last. */
  #run: number
  #lastSeq: number
  #lastChunk = 0
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #failure: CowpathError | undefined
  #closed: ((end: CowpathError | string | undefined) => void) | undefined

  private constructor(worker: Worker, state: RecordingState, listener: WriterListener) {
    this.#worker = worker
    this.#hot = new HotRows(state.telling)
    this.state = state
    this.#run = state.runs.at(-1)?.run ?? 0
    this.#lastSeq = state.runs.at(-1)?.lastSeq ?? 0
    this.#listener = listener
    worker.on('message', (message: FromWriter) => {
      this.#heard(message)
    })
    worker.on('error', (error) => {
      this.#fail(
        new CowpathError({ what: 'cannot write the recording', why: error.message, todo: '', cause: error }),
      )
    })
  }

  /**
   * Makes a recording at `path`, or goes on with the one that is there. Throws a CowpathError where the file is
   * something else, or newer. What `keep` does not allow is removed while it grows.
   */
  static open(path: string, listener: WriterListener, keep: Keep = {}): Promise<RecordingWriter> {
    const worker = new Worker(workerFile('writer-worker.js'), { workerData: { path, keep } })
    return new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (message: FromWriter) => {
        worker.removeAllListeners('error')
        if (message.type === 'opened') resolve(new RecordingWriter(worker, message.state, listener))
        else if (message.type === 'failed') reject(new CowpathError(message))
        else reject(new Error(`the writer began with ${message.type}`))
      })
    })
  }

  /** The agent's run `run` begins, or is met again after a reconnect. */
  run(run: number, agent: AgentInfo, firstSeq: number): void {
    this.#add({ type: 'run', run, agent, firstSeq })
  }

  /** Books of the legs: the last ones stay. */
  legs(run: number, legs: readonly LegBooks[]): void {
    this.#add({ type: 'legs', run, legs })
  }

  /** Counters of a run that changed, or are gone. */
  counters(run: number, change: CountersChange): void {
    this.#add({ type: 'counters', run, change })
  }

  load(run: number, load: AgentLoad): void {
    this.#add({ type: 'load', run, load })
  }

  /** Stacks of a run; one that was told before stays as it was. */
  stacks(run: number, stacks: readonly StackInfo[]): void {
    if (stacks.length > 0) this.#add({ type: 'stacks', run, stacks })
  }

  /** Events [firstSeq, lastSeq] of a run, as they came. The columns may be used again after the call. */
  events(run: number, firstSeq: number, lastSeq: number, events: EventColumns): void {
    this.#events.add(run, firstSeq, lastSeq, events)
    this.#seqs.set(run, lastSeq)
    this.#run = run
    this.#lastSeq = lastSeq
    this.#startTimer()
  }

  mm(fact: MmFact): void {
    this.#add({ type: 'mm', fact })
  }

  mmEnded(mm: number, timeNs: number, seq: number): void {
    this.#add({ type: 'mm-ended', mm, timeNs, seq })
  }

  process(fact: ProcessFact): void {
    this.#add({ type: 'process', fact })
  }

  fork(fact: ForkFact): void {
    this.#add({ type: 'fork', fact })
  }

  gap(fact: GapFact): void {
    this.#add({ type: 'gap', fact, afterSeq: this.#lastSeq })
  }

  /** All that has not ended is not known of any more, since that time. */
  forgotten(timeNs: number): void {
    this.#add({ type: 'forgotten', timeNs, seq: this.#lastSeq })
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    this.#hot.frameSeen(frame, pfn, order, kind, timeNs, seq)
    this.#startTimer()
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    this.#hot.frameFreed(frame, timeNs, seq)
    this.#startTimer()
  }

  slotMapped(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    cause: Cause,
    seq: number,
    certain: boolean,
  ): void {
    this.#hot.slotMapped(slot, mm, vpn, frame, timeNs, cause, seq, certain)
    this.#startTimer()
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    this.#hot.slotEnded(slot, timeNs, cause, seq, mm, vpn)
    this.#startTimer()
  }

  edge(
    edge: number,
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    mm: number,
    vpn: number,
    timeNs: number,
    seq: number,
  ): void {
    this.#hot.edge(edge, kind, fromFrame, toFrame, mm, vpn, timeNs, seq)
    this.#startTimer()
  }

  pinTaken(pin: PinFact): void {
    this.#hot.pinTaken(pin)
    this.#startTimer()
  }

  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void {
    this.#hot.pinEnded(pin, timeNs, seq, end)
    this.#startTimer()
  }

  /** Of the run of the events that were handed in last. */
  anomaly(name: string, timeNs: number, seq: number): void {
    this.#growing.anomaly(this.#run, name, timeNs, seq)
    this.#startTimer()
  }

  vma(fact: VmaFact): void {
    this.#add({ type: 'vma', fact })
  }

  vmaEnded(vma: number, timeNs: number, seq: number): void {
    this.#add({ type: 'vma-ended', vma, timeNs, seq })
  }

  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
    vma: number,
    stack: number,
  ): void {
    this.#hot.rate(secondNs, tgid, mm, kind, outcome, events, pages, vma, stack)
    this.#startTimer()
  }

  /** Until this is called with -Infinity, slots that ended before that time are told once more: it is stored. */
  endsAreStoredUntil(timeNs: number): void {
    this.#hot.storedNs = timeNs
  }

  /** Anew, or with what has come to it: the last word stays. */
  finding(finding: Finding): void {
    this.#growing.finding(finding)
    this.#startTimer()
  }

  /** All counts of a run: the last ones stay. */
  ruleCounts(run: number, counts: readonly RuleCount[]): void {
    this.#growing.ruleCounts(run, counts)
    this.#startTimer()
  }

  /** Forgets what was found: it is about to be concluded again, from the stored events, and told before the next await. */
  findingsAnew(): void {
    this.#add({ type: 'findings-anew' })
  }

  /**
   * To be awaited between batches, never within one: sends what is due, and waits while the writer is behind (or the
   * disk full). Undefined where there is nothing to wait for.
   */
  ready(): Promise<void> | undefined {
    if (this.#isDue()) this.#send()
    if (this.#unacknowledged.size < CHUNKS_WAITING || this.#failure !== undefined) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when all that was handed in is committed (or the writer failed). To be called between batches. */
  async flush(): Promise<void> {
    this.#send()
    while (this.#unacknowledged.size > 0 && this.#failure === undefined)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /**
   * Commits what is left, indexes the recording and closes it. Resolves with a remark for people where it could not
   * be indexed; rejects with a CowpathError where the last chunks could not be written.
   */
  async close(): Promise<string | undefined> {
    this.#send()
    clearTimeout(this.#timer)
    if (this.#failure !== undefined) throw this.#failure
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    const end = await new Promise<CowpathError | string | undefined>((resolve) => {
      this.#closed = resolve
      this.#post({ type: 'close' })
    })
    // Its lock goes with the thread: whoever awaits this may open the file again.
    await ended
    if (end instanceof CowpathError) throw end
    return end
  }

  #add(fact: RareFact): void {
    this.#rare.push(fact)
    this.#startTimer()
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => {
      this.#send()
    }, CHUNK_MS)
  }

  #isDue(): boolean {
    return this.#hot.size >= ROWS_A_CHUNK || this.#events.full >= BLOCKS_A_CHUNK
  }

  #send(): void {
    clearTimeout(this.#timer)
    if (this.#timer === undefined || this.#failure !== undefined) return
    this.#timer = undefined
    const chunk: Chunk = {
      type: 'chunk',
      id: ++this.#lastChunk,
      rare: [...this.#rare, ...this.#growing.take()],
      ...this.#hot.take(),
      blocks: this.#events.take(),
    }
    this.#unacknowledged.set(chunk.id, this.#seqs)
    this.#seqs = new Map()
    this.#rare = []
    const buffers = [...Object.values(chunk.rows), chunk.shared, ...Object.values(chunk.ends)].map(
      ({ values }) => values.buffer,
    )
    this.#post(chunk, [...buffers, ...chunk.blocks.map((block) => block.buffer)] as ArrayBuffer[]) // ours, not shared
  }

  #post(message: ToWriter, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  #heard(message: FromWriter): void {
    switch (message.type) {
      case 'committed': {
        const seqs = this.#unacknowledged.get(message.id)
        this.#unacknowledged.delete(message.id)
        seqs?.forEach((seq, run) => {
          this.#listener.durable(run, seq)
        })
        this.#wake()
        return
      }
      case 'paused':
        this.#listener.paused(message.why)
        return
      case 'resumed':
        this.#listener.resumed(message.pausedMs)
        return
      case 'closed':
        this.#closed?.(message.why)
        return
      case 'failed':
        this.#fail(new CowpathError(message))
        return
      case 'opened':
        return
    }
  }

  #fail(error: CowpathError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    clearTimeout(this.#timer)
    this.#listener.failed(error)
    this.#closed?.(error)
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
