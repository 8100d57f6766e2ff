import { History } from '../history/history.js'
import type { StreamItem } from '../model/events.js'
import { pmdOrderOf } from '../model/page-size.js'
import { NO_FACTS } from '../model/facts.js'
import { type Conclusions, FactsShown, findingsShown, NO_FINDINGS } from './conclusions.js'
import { Judges, type JudgeOf } from './judges.js'

/** Slots that are kept at most where nothing is recorded: a screen next to a workload must stay small. */
const MAX_SLOTS = 1 << 20

/** Concludes from a stream that nobody records, for whoever looks on. */
export class Onlooker {
  readonly #history: History
  readonly #judges: Judges
  readonly #runs: string[] = []

  constructor(judgeOf: JudgeOf, conclusions: Conclusions) {
    this.#judges = new Judges(judgeOf, findingsShown(NO_FINDINGS, conclusions))
    this.#history = new History(new FactsShown(NO_FACTS, conclusions), {
      maxSlots: MAX_SLOTS,
      judge: this.#judges,
    })
  }

  take(item: StreamItem): void {
    switch (item.type) {
      case 'started': {
        const { bootId } = item.agent
        if (!this.#runs.includes(bootId)) this.#runs.push(bootId)
        const run = this.#runs.indexOf(bootId) + 1
        this.#judges.started(run, item.agent)
        this.#history.begin(run, item.nextSeq, pmdOrderOf(item.agent.pageSize), item.agent.onePageIn)
        break
      }
      case 'batch':
        this.#history.apply(item)
        break
      case 'loss':
        this.#history.lose(item.loss)
        break
      case 'heartbeat':
        this.#history.advance(item.timeNs)
        break
    }
  }

  finish(): void {
    this.#history.finish()
    this.#judges.finish()
  }
}
