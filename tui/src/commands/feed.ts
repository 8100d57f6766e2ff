import type { StreamItem } from '../model/events.js'
import type { Conclusions } from '../pipeline/conclusions.js'
import { policyFor } from '../policy/policies.js'
import type { Policy } from '../policy/policy.js'
import type { Keep } from '../store/retention.js'
import type { LiveModel } from '../views/live-model.js'
import type { Connection } from '../views/live-snapshot.js'
import type { ClientTarget } from '../views/target.js'
import { ruleTexts } from './rule-texts.js'

/** A stream to look at; whether it is recorded on the way is the feed's own business. */
export interface LiveFeed {
  readonly endpoint: string
  /** By what is judged; absent: by what the traced kernel promises. */
  readonly policy?: Policy
  /** Runs until the stream is over for good or `ended` is aborted; rejects where it cannot be had at all. */
  run(listener: FeedListener, ended: AbortSignal): Promise<void>
}

/** Makes the feed of an agent; given to the commands, so that their tests need no agent. */
export type FeedOf = (endpoint: string, options: FeedOptions) => LiveFeed

export interface FeedOptions {
  /** This client's own filter, within what the agent traces; absent: all of that. */
  readonly target?: ClientTarget
  /** A file that is to be made and to hold all that comes. */
  readonly recordTo?: string
  /** What to do when the agent ends the stream; without a word: `reconnect`. */
  readonly afterEnd?: 'reconnect' | 'finish'
  /** How long it may take the agent to say its first word; without a word: 10 s. */
  readonly firstWordMs?: number
  /** By what to judge; without a word: by what the traced kernel promises. */
  readonly policy?: Policy
  /** What the recording may hold; without a word: everything. */
  readonly keep?: Keep
}

export interface FeedListener {
  item(item: StreamItem): void
  connection(connection: Connection): void
  /** Who wants to know what is concluded from the stream as well. */
  readonly conclusions?: Conclusions
}

/** Tells a model all of a stream: items, connection, what is concluded, and what the rules say of that kernel. */
export function listenerOf(model: LiveModel, policy: Policy | undefined): FeedListener {
  return {
    item: (item) => {
      model.accept(item, Date.now())
      if (item.type === 'started') model.ruleTexts(ruleTexts(policy ?? policyFor(item.agent.kernelRelease)))
    },
    connection: (connection) => {
      model.setConnection(connection)
    },
    conclusions: model,
  }
}
