import type { StreamItem } from '../model/events.js'
import type { LiveSource, Player } from '../screen/live-screen.js'
import type { Playing } from '../screen/layout.js'
import { recordedItems, spanOf, type Span } from '../store/recorded-stream.js'
import type { Recording } from '../store/recording.js'
import { liveJson } from '../views/live-json.js'
import { LiveModel } from '../views/live-model.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { pageLines } from '../views/page-lines.js'
import { pageView } from '../views/page.js'
import type { ViewOptions } from '../views/view-options.js'
import { sourceOf } from './page.js'
import { QueryChild } from './query-child.js'
import { ruleTextsOf } from './rule-texts.js'

/** How long a turn of reading may keep the keys waiting. */
const TURN_MS = 15
const TICK_MS = 50

/** Concludes from the items of a stream, and tells a model. */
export type Taker = (model: LiveModel) => (item: StreamItem) => void

/**
 * A recording as if it were live: the events up to a moment, taken by the same model. Going on reads on; going back begins
 * anew and reads up to there, so that every moment is as it was.
 */
export class RecordingPlayer implements LiveSource, Player {
  readonly #recording: Recording
  readonly #span: Span
  readonly #taker: Taker
  readonly #now: () => number
  #model: LiveModel
  #take: (item: StreamItem) => void
  #items: Generator<StreamItem>
  #next: StreamItem | undefined
  /** Up to where the model has been told, and up to where it is to be. */
  #readNs: number
  #nowNs: number
  #times = 0
  #tickedMs: number
  #timer: NodeJS.Timeout | undefined
  readonly #query = new QueryChild()
  /** The page that was told last. */
  #page: { readonly key: string; readonly lines: readonly string[] } | undefined

  /** `nowMs` is a clock that only goes on. */
  constructor(recording: Recording, taker: Taker, nowMs: () => number) {
    this.#recording = recording
    this.#span = spanOf(recording)
    this.#taker = taker
    this.#now = nowMs
    this.#tickedMs = nowMs()
    this.#readNs = this.#span.beginNs
    this.#nowNs = this.#span.endNs
    const begun = this.#begin()
    this.#model = begun.model
    this.#take = begun.take
    this.#items = begun.items
    this.#next = begun.next
  }

  /** Begins to read and to play, until `stop`. */
  start(): void {
    this.#tick()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#query.stop()
  }

  get player(): Player {
    return this
  }

  get events(): number {
    return this.#model.totals.events
  }

  get playing(): Playing {
    const { beginNs, endNs } = this.#span
    const way = this.#nowNs - beginNs
    const read = this.#next === undefined || way <= 0 ? 1 : Math.min(1, (this.#readNs - beginNs) / way)
    return {
      beginNs,
      endNs,
      nowNs: this.#nowNs,
      times: this.#times,
      read: this.#isBehind ? Math.min(read, 0.999) : 1,
    }
  }

  snapshot(): LiveSnapshot {
    return this.#model.snapshot()
  }

  /** From the whole recording, whatever moment is shown. */
  page(tgid: number, vpn: number, options: ViewOptions): readonly string[] {
    // Asked for each frame: the recording is asked once.
    const key = `${tgid}/${vpn}/${options.width}`
    if (this.#page?.key !== key) {
      const rules = ruleTextsOf(this.#model.snapshot().agent?.kernelRelease)
      const view = pageView(sourceOf(this.#recording), { tgid, vpn })
      this.#page = { key, lines: pageLines(view, options, rules) }
    }
    return this.#page.lines
  }

  ask(query: string, { width }: ViewOptions, told: (lines: readonly string[]) => void): void {
    this.#query.ask(this.#recording.path, query, width, told)
  }

  json(snapshot: LiveSnapshot): object {
    return liveJson(snapshot)
  }

  seek(timeNs: number): void {
    this.#nowNs = Math.min(this.#span.endNs, Math.max(this.#span.beginNs, timeNs))
    if (this.#nowNs < this.#readNs) this.#rewind()
    this.#readOn()
  }

  play(times: number): void {
    this.#times = times
    this.#tickedMs = this.#now()
    // At its end a recording begins again.
    if (times > 0 && this.#nowNs >= this.#span.endNs) this.seek(this.#span.beginNs)
  }

  get #isBehind(): boolean {
    return this.#next !== undefined && timeOf(this.#next, this.#readNs) <= this.#nowNs
  }

  #begin() {
    const model = new LiveModel(this.#recording.path)
    model.setConnection({ state: 'recorded', endpoint: this.#recording.path })
    const items = recordedItems(this.#recording)
    const conclude = this.#taker(model)
    const take = (item: StreamItem) => {
      if (item.type === 'started') model.ruleTexts(ruleTextsOf(item.agent.kernelRelease))
      conclude(item)
      model.accept(item, item.type === 'heartbeat' ? item.timeNs / 1e6 : 0)
    }
    return { model, take, items, next: nextOf(items) }
  }

  #rewind(): void {
    const { model, take, items, next } = this.#begin()
    this.#model = model
    this.#take = take
    this.#items = items
    this.#next = next
    this.#readNs = this.#span.beginNs
  }

  #tick(): void {
    const nowMs = this.#now()
    const passedNs = (nowMs - this.#tickedMs) * 1e6 * this.#times
    this.#tickedMs = nowMs
    // A moment that is not read up to yet is not left behind.
    if (!this.#isBehind && passedNs > 0) this.#nowNs = Math.min(this.#span.endNs, this.#nowNs + passedNs)
    if (this.#nowNs >= this.#span.endNs) this.#times = 0
    this.#readOn()
    this.#timer = setTimeout(
      () => {
        this.#tick()
      },
      this.#isBehind ? 0 : TICK_MS,
    )
  }

  /** Reads on for one turn. A block is told whole: it is some milliseconds of the host. */
  #readOn(): void {
    const until = this.#now() + TURN_MS
    while (this.#next !== undefined && this.#isBehind && this.#now() < until) {
      this.#readNs = Math.max(this.#readNs, timeOf(this.#next, this.#readNs))
      this.#take(this.#next)
      this.#next = nextOf(this.#items)
    }
    if (!this.#isBehind) this.#readNs = Math.max(this.#readNs, this.#nowNs)
  }
}

function nextOf(items: Generator<StreamItem>): StreamItem | undefined {
  const next = items.next()
  return next.done === true ? undefined : next.value
}

/** When the item was told; what has no time of its own comes with what is before it. */
function timeOf(item: StreamItem, beforeNs: number): number {
  switch (item.type) {
    case 'heartbeat':
      return item.timeNs
    case 'batch':
      return item.events.length === 0 ? beforeNs : item.events.timeNs[0]
    case 'loss':
      return item.loss.fromNs
    case 'started':
      return beforeNs
  }
}
