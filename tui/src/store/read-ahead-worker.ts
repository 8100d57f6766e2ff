/** The thread of `read-ahead.ts`: unpacks blocks of events, some more than are taken. */
import { workerData } from 'node:worker_threads'
import { Signal, type FromReader, type ReadAheadTask } from './read-ahead.js'
import { Recording } from './recording.js'

/** It reads each page once. */
const CACHE_KIB = 1024
/** How often it looks whether any more are wanted. */
const LOOK_MS = 1000

function main({ path, port, signals, ahead }: ReadAheadTask): void {
  let unpacked = 0
  const tell = (message: FromReader, transfer: readonly ArrayBuffer[] = []) => {
    port.postMessage(message, transfer)
    Atomics.store(signals, Signal.Unpacked, ++unpacked)
    Atomics.notify(signals, Signal.Unpacked)
  }
  /** Waits for it; false: no more are wanted. */
  const hasRoom = () => {
    while (Atomics.load(signals, Signal.Stop) === 0) {
      const taken = Atomics.load(signals, Signal.Taken)
      if (unpacked - taken < ahead) return true
      Atomics.wait(signals, Signal.Taken, taken, LOOK_MS)
    }
    return false
  }
  try {
    const recording = Recording.open(path)
    try {
      recording.db.pragma(`cache_size = -${CACHE_KIB}`)
      for (const { events, ...block } of recording.events()) {
        if (!hasRoom()) return
        const buffer = events.seq.buffer as ArrayBuffer // of all columns, and not shared
        tell({ type: 'block', ...block, length: events.length, buffer }, [buffer])
      }
      tell({ type: 'end' })
    } finally {
      recording.close()
    }
  } catch {
    tell({ type: 'failed' })
  }
}

main(workerData as ReadAheadTask) // handed over by read-ahead.ts
