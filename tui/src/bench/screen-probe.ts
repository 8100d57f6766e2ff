/**
 * Loaded into a process before its program (node --import): measures its main thread from within, for the benchmark of the screen.
 * The first SIGUSR2 begins, the second writes what was measured, as JSON, to the file in COWPATH_PROBE.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

export interface Probed {
  readonly seconds: number
  /** Writes to the terminal: blessed makes one for each frame that differs from the one before. */
  readonly frames: number
  /** How late a timer of the main thread came at most, and in 99.9 of 100 cases; in ms by the clock. */
  readonly longestStallMs: number
  readonly stallP999Ms: number
  /** The most CPU time that the main thread took between two turns of its timers: a stall, whatever else the machine does; in ms. */
  readonly longestTurnMs: number
  readonly turnP999Ms: number
  /** Of CPU time, all threads. */
  readonly cpuSeconds: number
  /** For how long the main thread was ready to run and another process had the processor. */
  readonly waitedSeconds: number
  /** Resident set, sampled twice a second. */
  readonly residentBytes: readonly number[]
}

const RESOLUTION_MS = 2

/** Turns by how long they took, to 0.05 ms: a list of them all would be the larger part of what an hour adds to the resident set. */
class Turns {
  readonly #perBin = new Uint32Array(20_000)
  #count = 0
  longestMs = 0

  add(ms: number): void {
    this.#perBin[Math.min(Math.floor(ms * 20), this.#perBin.length - 1)]++
    this.#count++
    this.longestMs = Math.max(this.longestMs, ms)
  }

  /** Longer than `part` of all turns were. */
  percentileMs(part: number): number {
    let left = part * this.#count
    const bin = this.#perBin.findIndex((count) => (left -= count) <= 0)
    return (bin + 1) / 20
  }
}

function probe(file: string): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  let frames = 0
  let began = 0
  let waited = 0
  let cpu = process.cpuUsage()
  const residentBytes: number[] = []
  const turns = new Turns()
  let ranBefore = 0
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = ((...args: Parameters<typeof write>) => {
    frames++
    return write(...args)
  }) as typeof process.stdout.write // the same overloads
  process.on('SIGUSR2', () => {
    if (began === 0) {
      began = performance.now()
      frames = 0
      const begin = scheduled()
      waited = begin.waitedNs
      ranBefore = begin.ranNs
      setInterval(() => {
        const { ranNs } = scheduled()
        turns.add((ranNs - ranBefore) / 1e6)
        ranBefore = ranNs
      }, RESOLUTION_MS).unref()
      cpu = process.cpuUsage()
      delay.enable()
      setInterval(() => residentBytes.push(process.memoryUsage.rss()), 500).unref()
      return
    }
    delay.disable()
    const used = process.cpuUsage(cpu)
    const probed: Probed = {
      seconds: (performance.now() - began) / 1000,
      frames,
      longestStallMs: delay.max / 1e6 - RESOLUTION_MS,
      stallP999Ms: delay.percentile(99.9) / 1e6 - RESOLUTION_MS,
      longestTurnMs: turns.longestMs,
      turnP999Ms: turns.percentileMs(0.999),
      cpuSeconds: (used.user + used.system) / 1e6,
      waitedSeconds: (scheduled().waitedNs - waited) / 1e9,
      residentBytes,
    }
    writeFileSync(file, JSON.stringify(probed))
  })
  writeFileSync(`${file}.pid`, String(process.pid))
}

/** What the main thread had of a processor, and for how long it waited for one (Documentation/scheduler/sched-stats.rst). */
function scheduled(): { readonly ranNs: number; readonly waitedNs: number } {
  const [ranNs, waitedNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
  return { ranNs: Number(ranNs), waitedNs: Number(waitedNs) }
}

const file = process.env['COWPATH_PROBE']
if (isMainThread && file !== undefined) probe(file)
