import type { FactSink, MmFact } from '../model/facts.js'
import { ProtectedRanges } from './protections.js'
import { VmaList } from './vmas.js'

/** Address spaces that are found without a look-up in a map, by the low bits of their numbers. */
const RECENT = 256

/** Ended address spaces that are remembered, so that a late event does not bring one back to life. */
const ENDED_KEPT = 65_536

export interface Mm {
  /** The recording's number; `agentMm` is the agent's, unique within its run. */
  readonly id: number
  readonly agentMm: number
  /** Of its slots; -1: none. */
  firstRegion: number
  slots: number
  hasEnded: boolean
  /** Counts up whenever another address space than the last one is met. */
  met: number
  /** The process that was last seen in it, 0: none. */
  tgid: number
  readonly protections: ProtectedRanges
  readonly vmas: VmaList
}

/** Address spaces of the agent's run. */
export class Mms {
  readonly #sink: FactSink
  readonly #byAgent = new Map<number, Mm>()
  readonly #alive = new Map<number, Mm>()
  readonly #ended: number[] = []
  #nextEnded = 0
  /** By low bits of the agent's number. */
  readonly #recent = new Array<Mm | undefined>(RECENT).fill(undefined)
  #last: Mm | undefined
  #lastId = 0
  #met = 0
  readonly #most: number

  constructor(sink: FactSink, most: number) {
    this.#sink = sink
    this.#most = most
  }

  get alive(): number {
    return this.#alive.size
  }

  /** By the agent's number; undefined: it was not met yet. */
  known(agentMm: number): Mm | undefined {
    if (this.#last?.agentMm === agentMm) return this.#last
    const recent = this.#recent[agentMm & (RECENT - 1)]
    const mm = recent?.agentMm === agentMm ? recent : this.#byAgent.get(agentMm)
    if (mm === undefined) return undefined
    this.#recent[agentMm & (RECENT - 1)] = mm
    this.#last = mm
    mm.met = ++this.#met
    return mm
  }

  /** One that is alive, by the recording's number. */
  byId(id: number): Mm | undefined {
    return this.#alive.get(id)
  }

  begin(birth: Omit<MmFact, 'mm'>): Mm {
    const mm = {
      id: ++this.#lastId,
      agentMm: birth.agentMm,
      firstRegion: -1,
      slots: 0,
      hasEnded: false,
      met: ++this.#met,
      tgid: 0,
      protections: new ProtectedRanges(),
      vmas: new VmaList(),
    }
    this.#byAgent.set(mm.agentMm, mm)
    this.#alive.set(mm.id, mm)
    this.#last = mm
    this.#sink.mm({ ...birth, mm: mm.id })
    return mm
  }

  end(mm: Mm, timeNs: number, seq: number): void {
    mm.hasEnded = true
    this.#alive.delete(mm.id)
    const forgotten = this.#ended[this.#nextEnded] as number | undefined // the ring is not full at first
    if (forgotten !== undefined) this.#unname(forgotten)
    this.#ended[this.#nextEnded] = mm.agentMm
    this.#nextEnded = (this.#nextEnded + 1) % ENDED_KEPT
    this.#last = undefined
    this.#sink.mmEnded(mm.id, timeNs, seq)
  }

  /** Those to be forgotten before another begins: some that nothing has happened to for longest; none while there is room. */
  overdue(): readonly Mm[] {
    if (this.#alive.size < this.#most) return []
    return [...this.#alive.values()]
      .filter((mm) => mm !== this.#last)
      .sort((a, b) => a.met - b.met)
      .slice(0, Math.ceil(this.#most / 16))
  }

  /** It may be alive, but nothing is known of it any more. Met again, it is another one. */
  forget(mm: Mm): void {
    this.#alive.delete(mm.id)
    this.#unname(mm.agentMm)
    this.#last = undefined
  }

  /** Another run of the agent: its numbers mean other address spaces. */
  clear(): void {
    this.#recent.fill(undefined)
    this.#byAgent.clear()
    this.#alive.clear()
    this.#ended.length = 0
    this.#nextEnded = 0
    this.#last = undefined
  }

  /** The agent's number means no address space any more. */
  #unname(agentMm: number): void {
    this.#byAgent.delete(agentMm)
    this.#recent[agentMm & (RECENT - 1)] = undefined
  }
}
