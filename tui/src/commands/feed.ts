import type { PipelineListener, PipelineOptions } from '../pipeline.js'
import { policyFor } from '../policy/policies.js'
import type { Policy } from '../policy/policy.js'
import type { LiveModel } from '../views/live-model.js'
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

export type FeedOptions = PipelineOptions
export type FeedListener = PipelineListener

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
