import type { CountersSnapshot } from '../model/counts.js'
import { connect } from '../wire/client.js'

/** How far behind the agent's counters those of the recording may be. */
const INTERVAL_MS = 2000

/** Asks the agent at `endpoint` for its counters while it is followed. One that keeps none, or does not answer, is left alone. */
export class CountersPoll {
  readonly #endpoint: string
  readonly #take: (snapshot: CountersSnapshot) => void
  #stop = new AbortController()
  #polling: Promise<void> = Promise.resolve()

  constructor(endpoint: string, take: (snapshot: CountersSnapshot) => void) {
    this.#endpoint = endpoint
    this.#take = take
  }

  /**
   * The agent said its first word. To be called each time: an answer does not tell which run of the agent it is of, and ends with the
   * connection, as that does.
   */
  async begin(): Promise<void> {
    await this.end()
    this.#stop = new AbortController()
    this.#polling = this.#poll(this.#stop.signal)
  }

  /** Resolves when nothing is handed over any more. */
  async end(): Promise<void> {
    this.#stop.abort()
    await this.#polling
  }

  async #poll(ended: AbortSignal): Promise<void> {
    const client = connect(this.#endpoint)
    try {
      for await (const snapshot of client.counters(INTERVAL_MS, ended)) {
        if (ended.aborted) return
        this.#take(snapshot)
      }
    } catch {
      // Whoever follows its events is told what is the matter with it.
    } finally {
      client.close()
    }
  }
}
