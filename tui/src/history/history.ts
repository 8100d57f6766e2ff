import type { LossInfo, StreamItem } from '../model/events.js'
import { DEFAULT_PMD_ORDER } from '../model/page-size.js'
import { Cause, type FactSink, type GapFact, PinEnd } from '../model/facts.js'
import { Anomalies, type Anomaly } from './anomalies.js'
import { Applier } from './apply.js'
import { Clock, type When } from './clock.js'
import type { Judge } from './judge.js'
import { Losses } from './losses.js'
import { MemoryGaps } from './memory-gaps.js'
import { Mms } from './mms.js'
import { Pages } from './pages.js'
import { Pins } from './pins.js'
import { Processes } from './processes.js'
import { Rates } from './rates.js'
import { Vmas } from './vmas.js'
import { View } from './view.js'
import { Window } from './window.js'

export type Batch = Pick<
  StreamItem & { readonly type: 'batch' },
  'firstSeq' | 'lastSeq' | 'processes' | 'events'
>

export interface HistoryOptions {
  /** Events that a recording which goes on has counted: the first ones, which are not counted again. */
  readonly ratedEvents?: number
  /**
   * Slots that are kept at most, some 60 bytes each with their frames, where they have neighbours; of those that have none, half as
   * many, at some 350. At most 2^24.
   */
  readonly maxSlots?: number
  /** Pins that are kept at most, some 300 bytes each, 570 where they lie alone. */
  readonly maxPins?: number
  /** Address spaces that are alive and kept at most. */
  readonly maxMms?: number
  /** Sees each event before it is applied. */
  readonly judge?: Judge
}

export interface HistoryCounts {
  readonly events: number
  /** Events that had come before. */
  readonly duplicates: number
  /** Alive, and known. */
  readonly mms: number
  readonly slots: number
  readonly frames: number
  readonly pins: number
  readonly anomalies: Readonly<Partial<Record<Anomaly, number>>>
}

const DEFAULT_MAX_SLOTS = 1 << 22
/** Rows have numbers of 27 bits, and frames may be one to a block of four. */
const MOST_SLOTS = 1 << 24
const DEFAULT_MAX_PINS = 1 << 16
const DEFAULT_MAX_MMS = 1 << 16
/** No loss reaches further beyond what has come: the agent tells of it with its next batch or heartbeat. */
const LATEST_LOSS_NS = 600e9

/** Concludes facts from a stream of events. Deterministic; never throws for what events say. */
export class History {
  readonly #sink: FactSink
  readonly #judge: Judge | undefined
  readonly #clock = new Clock()
  readonly #anomalies: Anomalies
  readonly #rates: Rates
  readonly #vmas: Vmas
  readonly #window = new Window()
  readonly #losses = new Losses()
  readonly #mms: Mms
  readonly #processes: Processes
  readonly #pages: Pages
  readonly #pins: Pins
  readonly #applier: Applier
  readonly #view: View
  readonly #memoryGaps = new MemoryGaps((gap) => {
    this.#gap(gap)
  })
  #run = 0
  #lastSeq = 0
  #timeNs = 0
  /** The agent's clock, as it was last told. */
  #hostNs = 0
  #events = 0
  #duplicates = 0

  constructor(sink: FactSink, options: HistoryOptions = {}) {
    const {
      ratedEvents = 0,
      maxSlots = DEFAULT_MAX_SLOTS,
      maxPins = DEFAULT_MAX_PINS,
      maxMms = DEFAULT_MAX_MMS,
      judge,
    } = options
    const clock = this.#clock
    this.#sink = sink
    this.#judge = judge
    this.#anomalies = new Anomalies(sink)
    this.#rates = new Rates(ratedEvents)
    this.#vmas = new Vmas(sink)
    this.#mms = new Mms(sink, maxMms)
    this.#processes = new Processes(sink)
    const parts = { sink, clock, mms: this.#mms, anomalies: this.#anomalies }
    const onForgotten = (count: number, when: When) => {
      this.#memoryGaps.note(count, when)
    }
    this.#pins = new Pins({
      sink,
      clock,
      maxPins,
      onForgotten: (count, when) => {
        // Their ends will come, and must not be taken for contradictions.
        clock.gaps++
        onForgotten(count, when)
      },
    })
    this.#pages = new Pages({
      ...parts,
      maxSlots: Math.min(maxSlots, MOST_SLOTS),
      onForgotten,
      onFramesGone: (pfn, count, cause, when) => {
        const isFree = cause === Cause.FrameFree
        const end = isFree ? PinEnd.FrameFreed : PinEnd.Forgotten
        if (this.#pins.framesGone(pfn, count, end, when) && isFree)
          this.#anomalies.note('frame-freed-while-pinned', when)
      },
    })
    this.#view = new View({ clock, mms: this.#mms, pages: this.#pages, pins: this.#pins })
    this.#applier = new Applier({
      ...parts,
      pages: this.#pages,
      pins: this.#pins,
      processes: this.#processes,
      rates: this.#rates,
      vmas: this.#vmas,
      onForgotten,
    })
  }

  /**
   * A run of the agent begins, or is met again: the next event has number `nextSeq` or a later one. With another run
   * all numbers of the agent have lost their meaning. `pmdOrder` is its host's: of what a PMD maps. It tells the history
   * of one page in `onePageIn`.
   */
  begin(run: number, nextSeq: number, pmdOrder = DEFAULT_PMD_ORDER, onePageIn = 1): void {
    if (run === this.#run) return
    const isFirst = this.#run === 0
    this.#releaseAll()
    this.#memoryGaps.reset()
    this.#run = run
    this.#lastSeq = nextSeq - 1
    this.#applier.begin(run)
    this.#pages.pmdOrder = pmdOrder
    this.#view.run = run
    this.#view.onePageIn = onePageIn
    this.#judge?.begin(run)
    if (isFirst) return
    const when = { timeNs: this.#timeNs, seq: this.#lastSeq }
    this.#pins.clear(when)
    this.#clock.gaps++
    this.#window.reset()
    this.#losses.clear()
    this.#hostNs = 0
    this.#rates.flush(this.#sink)
    this.#processes.tellWaiting(this.#timeNs)
    this.#processes.clear()
    this.#pages.clear()
    this.#mms.clear()
    this.#vmas.clear()
    this.#gap({
      reason: 'agent-restart',
      count: 0,
      ...pointInTime(when),
    })
  }

  /** The next events of the run. Those that have come before are left out. */
  apply({ firstSeq, lastSeq, processes, events }: Batch): void {
    for (const process of processes) {
      const mm = this.#mms.known(process.mm)
      this.#processes.named(process, mm?.id ?? 0, this.#timeNs)
    }
    if (firstSeq > this.#lastSeq + 1 && lastSeq >= firstSeq) {
      const count = firstSeq - this.#lastSeq - 1
      const span = { firstSeq: this.#lastSeq + 1, lastSeq: firstSeq - 1 }
      const untilNs = events.length === 0 ? this.#timeNs : events.timeNs[0]
      this.#lost({ reason: 'reconnect', count, ...span, fromNs: this.#timeNs, untilNs })
    }
    const window = this.#window
    const { length, seq, timeNs } = events
    for (let i = 0; i < length; i++) {
      const number = seq[i]
      if (number <= this.#lastSeq) {
        this.#duplicates++
        continue
      }
      this.#lastSeq = number
      window.push(events, i, timeNs[i])
      while (window.isDue) this.#release()
    }
    if (lastSeq > this.#lastSeq) this.#lastSeq = lastSeq
  }

  /** Events that will not come: what they may have changed is uncertain until it is observed again. */
  lose(loss: LossInfo): void {
    const { hop, leg } = loss
    const newestNs = Math.max(this.#timeNs, this.#window.newestNs, this.#hostNs)
    const isSound =
      isCount(loss.count) &&
      isCount(loss.firstSeq) &&
      isCount(loss.lastSeq) &&
      isCount(loss.fromNs) &&
      isCount(loss.untilNs) &&
      loss.fromNs <= loss.untilNs &&
      (newestNs === 0 || loss.untilNs <= newestNs + LATEST_LOSS_NS)
    if (!isSound) {
      const at = { timeNs: newestNs, seq: this.#lastSeq }
      this.#anomalies.note('impossible-loss', at)
      const count = isCount(loss.count) ? loss.count : 0
      this.#lost({ reason: hop, count, leg, ...pointInTime(at) })
      return
    }
    const { count, firstSeq, lastSeq, fromNs, untilNs } = loss
    // Told again after a reconnect.
    if (lastSeq !== 0 && lastSeq <= this.#lastSeq) return
    if (lastSeq !== 0) this.#lastSeq = lastSeq
    this.#lost({ reason: hop, count, firstSeq, lastSeq, fromNs, untilNs, leg })
  }

  /** The agent's clock: all that happened before `timeNs` has come. */
  advance(timeNs: number): void {
    this.#hostNs = timeNs
    while (this.#window.hasBefore(timeNs)) this.#release()
    this.#rates.advance(this.#sink, timeNs)
    this.#processes.tellWaiting(this.#timeNs)
  }

  /** The stream is over: concludes from what still waits. */
  finish(): void {
    this.#releaseAll()
    this.#memoryGaps.flush()
    this.#rates.flush(this.#sink)
    this.#processes.tellWaiting(this.#timeNs)
  }

  counts(): HistoryCounts {
    return {
      events: this.#events,
      duplicates: this.#duplicates,
      mms: this.#mms.alive,
      slots: this.#pages.slots.size,
      frames: this.#pages.frames.size,
      pins: this.#pins.size,
      anomalies: this.#anomalies.counts(),
    }
  }

  #release(): void {
    const { batch, index, timeNs } = this.#window
    if (timeNs < this.#timeNs) this.#anomalies.note('late-event', { timeNs, seq: batch.seq[index] })
    else this.#timeNs = timeNs
    if (this.#losses.mayPrecede(timeNs)) this.#clock.gaps++
    const mm = this.#applier.meet(batch, index)
    this.#judge?.judge(batch, index, this.#view)
    this.#applier.apply(batch, index, mm)
    this.#view.turn()
    this.#window.drop()
    this.#events++
  }

  #releaseAll(): void {
    while (this.#window.hasBefore(Infinity)) this.#release()
  }

  #lost(gap: Omit<GapFact, 'run' | 'leg'> & { readonly leg?: string }): void {
    this.#losses.add(gap.fromNs, gap.untilNs)
    this.#gap(gap)
  }

  #gap(gap: Omit<GapFact, 'run' | 'leg'> & { readonly leg?: string }): void {
    this.#sink.gap({ leg: '', ...gap, run: this.#run })
  }
}

/** Of nanoseconds as well. */
function isCount(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function pointInTime({ timeNs, seq }: When): Pick<GapFact, 'fromNs' | 'untilNs' | 'firstSeq' | 'lastSeq'> {
  return { fromNs: timeNs, untilNs: timeNs, firstSeq: seq, lastSeq: seq }
}
