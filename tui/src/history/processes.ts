import type { ProcessInfo } from '../model/events.js'
import type { FactSink } from '../model/facts.js'

/** Processes that are remembered; beyond that, the oldest is told again when it is met again. */
const KEPT = 65_536

/** Processes as the agent names them, told once the address space that they are in is known. */
export class Processes {
  readonly #sink: FactSink
  readonly #known = new Map<number, ProcessInfo>()
  /** Those whose address space was not met yet, by the agent's number of it. */
  readonly #waiting = new Map<number, ProcessInfo>()
  /** Of those, the ones that were not told at all. */
  readonly #untold = new Map<number, ProcessInfo>()

  constructor(sink: FactSink) {
    this.#sink = sink
  }

  /** `mm` is the recording's number, 0: not met yet. */
  named(info: ProcessInfo, mm: number, seenNs: number): void {
    const known = this.#known.get(info.tgid)
    if (known !== undefined && isSame(known, info)) return
    if (known === undefined && this.#known.size === KEPT) forgetOldest(this.#known)
    this.#known.set(info.tgid, info)
    if (mm !== 0 || info.mm === 0) {
      this.#tell(info, mm, seenNs)
      return
    }
    if (this.#waiting.size === KEPT) forgetOldest(this.#waiting)
    this.#waiting.set(info.mm, info)
    if (this.#untold.size === KEPT) this.tellWaiting(seenNs)
    this.#untold.set(info.mm, info)
  }

  /** Address space `agentMm` is met: `mm` is its number here. */
  met(agentMm: number, mm: number, seenNs: number): void {
    const info = this.#waiting.get(agentMm)
    if (info === undefined) return
    this.#waiting.delete(agentMm)
    this.#untold.delete(agentMm)
    this.#tell(info, mm, seenNs)
  }

  /** Process `tgid` is in another address space now. */
  moved(tgid: number, agentMm: number, mm: number, seenNs: number): void {
    const known = this.#known.get(tgid)
    if (known === undefined || known.mm === agentMm) return
    const info = { ...known, mm: agentMm }
    this.#known.set(tgid, info)
    this.#tell(info, mm, seenNs)
  }

  /** Tells those that nothing has happened to so far; once more when their address space is met. */
  tellWaiting(seenNs: number): void {
    for (const info of this.#untold.values()) this.#tell(info, 0, seenNs)
    this.#untold.clear()
  }

  clear(): void {
    this.#known.clear()
    this.#waiting.clear()
    this.#untold.clear()
  }

  #tell({ tgid, parentTgid, comm, startTimeNs }: ProcessInfo, mm: number, seenNs: number): void {
    this.#sink.process({
      tgid,
      parentTgid,
      mm,
      comm,
      startTimeNs,
      seenNs: Math.max(seenNs, startTimeNs),
    })
  }
}

function isSame(a: ProcessInfo, b: ProcessInfo): boolean {
  return (
    a.comm === b.comm && a.mm === b.mm && a.parentTgid === b.parentTgid && a.startTimeNs === b.startTimeNs
  )
}

function forgetOldest(map: Map<number, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
