import { Worker } from 'node:worker_threads'
import type { AgentInfo, EventColumns, LegBooks } from '../model/events.js'
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
} from '../model/facts.js'
import { CowpathError } from '../model/failure.js'
import { FactRows } from './fact-rows.js'
import { workerFile } from './files.js'
import { HOT_ENDS, HOT_TABLES } from './hot-tables.js'
import type { AgentLoad, Chunk, FromWriter, RareFact, RecordingState, ToWriter } from './messages.js'
import { OpenBlocks } from './open-blocks.js'

/** A chunk is sent when it holds this many full blocks, or that many rows.. */
const BLOCKS_A_CHUNK = 16
const ROWS_A_CHUNK = 131_072
/** ..or is this old, so that what is acknowledged is never far behind. */
const CHUNK_MS = 100
/** Chunks that may wait for the writer before {@link RecordingWriter.ready} makes the source wait. */
const CHUNKS_WAITING = 4

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
  readonly #rows = {
    frame: new FactRows(HOT_TABLES.frame.length),
    slot: new FactRows(HOT_TABLES.slot.length),
    edge: new FactRows(HOT_TABLES.edge.length),
    rate: new FactRows(HOT_TABLES.rate.length),
  }
  readonly #ends = {
    frame: new FactRows(HOT_ENDS.frame.length + 1),
    slot: new FactRows(HOT_ENDS.slot.length + 1),
  }
  #rare: RareFact[] = []
  readonly #events = new OpenBlocks()
  /** Last sequence number of each run in the chunk that is being filled. */
  #seqs = new Map<number, number>()
  readonly #unacknowledged = new Map<number, ReadonlyMap<number, number>>()
  #lastChunk = 0
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #failure: CowpathError | undefined
  #closed: ((end: CowpathError | string | undefined) => void) | undefined

  private constructor(worker: Worker, state: RecordingState, listener: WriterListener) {
    this.#worker = worker
    this.state = state
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
   * something else, or newer.
   */
  static open(path: string, listener: WriterListener): Promise<RecordingWriter> {
    const worker = new Worker(workerFile('writer-worker.js'), { workerData: { path } })
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

  load(run: number, load: AgentLoad): void {
    this.#add({ type: 'load', run, load })
  }

  /** Events [firstSeq, lastSeq] of a run, as they came. The columns may be used again after the call. */
  events(run: number, firstSeq: number, lastSeq: number, events: EventColumns): void {
    this.#events.add(run, firstSeq, lastSeq, events)
    this.#seqs.set(run, lastSeq)
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
    this.#add({ type: 'gap', fact })
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    const at = this.#rows.frame.add()
    const row = this.#rows.frame.values
    row[at] = frame
    row[at + 1] = pfn
    row[at + 2] = order
    row[at + 3] = kind
    row[at + 4] = timeNs
    row[at + 5] = seq
    row[at + 6] = NaN
    row[at + 7] = NaN
    this.#startTimer()
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    const begun = this.#rows.frame.find(frame)
    const rows = begun < 0 ? this.#ends.frame : this.#rows.frame
    const at = begun < 0 ? rows.add() : begun + 6
    rows.values[at] = timeNs
    rows.values[at + 1] = seq
    if (begun < 0) rows.values[at + 2] = frame
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
    const at = this.#rows.slot.add()
    const row = this.#rows.slot.values
    row[at] = slot
    row[at + 1] = mm
    row[at + 2] = vpn
    row[at + 3] = frame
    row[at + 4] = timeNs
    row[at + 5] = cause
    row[at + 6] = seq
    row[at + 7] = certain ? 1 : 0
    row[at + 8] = NaN
    row[at + 9] = NaN
    row[at + 10] = NaN
    this.#startTimer()
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number): void {
    const begun = this.#rows.slot.find(slot)
    const rows = begun < 0 ? this.#ends.slot : this.#rows.slot
    const at = begun < 0 ? rows.add() : begun + 8
    rows.values[at] = timeNs
    rows.values[at + 1] = cause
    rows.values[at + 2] = seq
    if (begun < 0) rows.values[at + 3] = slot
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
    const at = this.#rows.edge.add()
    const row = this.#rows.edge.values
    row[at] = edge
    row[at + 1] = kind
    row[at + 2] = fromFrame
    row[at + 3] = toFrame
    row[at + 4] = mm
    row[at + 5] = vpn
    row[at + 6] = timeNs
    row[at + 7] = seq
    this.#startTimer()
  }

  pinTaken(_pin: PinFact): void {}

  pinEnded(_pin: number, _timeNs: number, _seq: number, _end: PinEnd): void {}

  anomaly(_name: string, _timeNs: number, _seq: number): void {}

  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
  ): void {
    const at = this.#rows.rate.add()
    const row = this.#rows.rate.values
    row[at] = secondNs
    row[at + 1] = tgid
    row[at + 2] = mm
    row[at + 3] = kind
    row[at + 4] = outcome
    row[at + 5] = events
    row[at + 6] = pages
    this.#startTimer()
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
    const { frame, slot, edge } = this.#rows
    const rows = frame.rows + slot.rows + edge.rows + this.#ends.frame.rows + this.#ends.slot.rows
    return rows >= ROWS_A_CHUNK || this.#events.full >= BLOCKS_A_CHUNK
  }

  #send(): void {
    clearTimeout(this.#timer)
    if (this.#timer === undefined || this.#failure !== undefined) return
    this.#timer = undefined
    const { frame, slot, edge, rate } = this.#rows
    const chunk: Chunk = {
      type: 'chunk',
      id: ++this.#lastChunk,
      rare: this.#rare,
      rows: { frame: frame.take(), slot: slot.take(), edge: edge.take(), rate: rate.take() },
      ends: { frame: this.#ends.frame.take(), slot: this.#ends.slot.take() },
      blocks: this.#events.take(),
    }
    this.#unacknowledged.set(chunk.id, this.#seqs)
    this.#seqs = new Map()
    this.#rare = []
    const buffers = [...Object.values(chunk.rows), ...Object.values(chunk.ends)].map(
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
