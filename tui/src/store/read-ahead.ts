import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'
import { columnsOver } from './columns.js'
import { workerFile } from './files.js'
import type { RecordedEvents, Recording } from './recording.js'

/** Blocks that may lie unpacked: some 0.5 MB each. */
const BLOCKS_AHEAD = 8
/** A thread takes as long to begin as so many blocks to unpack. */
const LEAST_BLOCKS = 256
/** Who gets nothing for so long unpacks by itself: the thread ended, or the machine has no time for it. */
const PATIENCE_MS = 10_000

/** Counters that both threads see: blocks unpacked, blocks taken, and whether no more are wanted. */
export const Signal = { Unpacked: 0, Taken: 1, Stop: 2 } as const

/** What the thread is given. */
export interface ReadAheadTask {
  readonly path: string
  readonly port: MessagePort
  readonly signals: Int32Array
  readonly ahead: number
}

/** What it sends; `buffer` holds the columns of so many events, as `columns.ts` lays them out. */
export type FromReader =
  | (Omit<RecordedEvents, 'events'> & {
      readonly type: 'block'
      readonly length: number
      readonly buffer: ArrayBuffer
    })
  | { readonly type: 'end' }
  | { readonly type: 'failed' }

/**
 * All events, as {@link Recording.events}, of which another thread unpacks the next while these are used. Where that thread meets
 * something that it cannot read, this one does, and says what it is. Never waits for the event loop: it is no promise.
 */
export function* eventsAhead(recording: Recording): Generator<RecordedEvents> {
  let last = 0
  const [{ blocks }] = recording.select<{ readonly blocks: number | null }>(
    'SELECT max(block) AS blocks FROM event_block',
  )
  if ((blocks ?? 0) >= LEAST_BLOCKS) {
    const reader = new ReadAhead(recording.db.name)
    try {
      for (;;) {
        const next = reader.next()
        if (next?.type === 'end') return
        if (next?.type !== 'block') break
        const { block, run, firstSeq, lastSeq, fromNs, untilNs, length, buffer } = next
        last = block
        yield { block, run, firstSeq, lastSeq, fromNs, untilNs, events: columnsOver(buffer, length, length) }
      }
    } finally {
      reader.stop()
    }
  }
  yield* recording.events(undefined, undefined, last)
}

class ReadAhead {
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #signals = new Int32Array(new SharedArrayBuffer(12))
  #taken = 0

  constructor(path: string) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const task: ReadAheadTask = { path, port: port2, signals: this.#signals, ahead: BLOCKS_AHEAD }
    this.#worker = new Worker(workerFile('read-ahead-worker.js'), { workerData: task, transferList: [port2] })
    // Who finds nothing in the port goes on alone: whatever ended the thread is no error of the recording.
    this.#worker.on('error', () => undefined)
    this.#worker.unref()
  }

  /** Undefined: it did not come. */
  next(): FromReader | undefined {
    Atomics.wait(this.#signals, Signal.Unpacked, this.#taken, PATIENCE_MS)
    const told = receiveMessageOnPort(this.#port)
    if (told === undefined) return undefined
    Atomics.store(this.#signals, Signal.Taken, ++this.#taken)
    Atomics.notify(this.#signals, Signal.Taken)
    return told.message as FromReader // what read-ahead-worker.ts sends
  }

  stop(): void {
    Atomics.store(this.#signals, Signal.Stop, 1)
    Atomics.notify(this.#signals, Signal.Taken)
    this.#port.close()
    void this.#worker.terminate()
  }
}
