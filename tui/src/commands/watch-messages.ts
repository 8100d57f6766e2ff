/** What the thread that draws and the thread that listens say to each other. */
import type { FailureParts } from '../model/failure.js'
import type { LivePage } from '../views/live-page.js'
import type { HostBrief, ListName, SnapshotPart } from '../views/live-snapshot.js'
import type { ClientTarget } from '../views/target.js'
import type { WantedStacks } from '../wire/stack.js'

/** An agent to listen to: what a thread can be given of `FeedOptions`. */
export interface WatchRequest {
  readonly endpoint: string
  readonly target?: ClientTarget
  readonly recordTo?: string
  readonly firstWordMs?: number
  /** As a person names it. */
  readonly policy?: string
  readonly stacks?: WantedStacks
}

export interface PageKey {
  readonly tgid: number
  readonly vpn: number
}

export type Ask =
  | {
      readonly ask: 'look'
      /** Whose snapshot, by the place in what was asked for at the beginning. */
      readonly host: number
      readonly lists: readonly ListName[]
      readonly page: PageKey | null
    }
  | { readonly ask: 'filter'; readonly host: number; readonly target: ClientTarget }
  | { readonly ask: 'end' }

export type Tell =
  | {
      readonly tell: 'look'
      readonly host: number
      readonly part: SnapshotPart
      readonly briefs: readonly HostBrief[]
      readonly page: (PageKey & LivePage) | null
    }
  /** A filter that was asked for holds, or in words why not; in the order of asking. */
  | { readonly tell: 'filter'; readonly wrong: string }
  /** An agent has said its first word. */
  | { readonly tell: 'begun'; readonly host: number }
  /** All streams are over: by the end that was asked for, or by what went wrong. */
  | { readonly tell: 'over'; readonly failure: Failure | null }

/** An error as another thread can be told of it: one that a person can act on, or another. */
export type Failure = { readonly parts: FailureParts } | { readonly error: unknown }
