import { LiveModel } from '../views/live-model.js'
import { liveJson } from '../views/live-json.js'
import type { FollowGuest } from './lab-run.js'
import { listenerOf, type FeedOf } from './feed.js'

/** An emulated processor takes its time to verify all programs. */
export const GUEST_LOADS_MS = 180_000

/** Follows the agent of a lab guest over a feed, until it has said its last word. */
export function followGuestOver(feedOf: FeedOf): FollowGuest {
  return (endpoint, { record, stacks }) => {
    const model = new LiveModel(endpoint)
    const told = listenerOf(model, undefined)
    const ended = new AbortController()
    let subscribe: () => void = () => undefined
    const firstWord = new Promise<void>((resolve) => {
      subscribe = resolve
    })
    const options = {
      afterEnd: 'finish',
      firstWordMs: GUEST_LOADS_MS,
      ...(record === undefined ? {} : { recordTo: record }),
      ...(stacks === undefined ? {} : { stacks }),
    } as const
    const fed = feedOf(endpoint, options).run(
      {
        ...told,
        item: (item) => {
          told.item(item)
          if (item.type === 'started') subscribe()
        },
      },
      ended.signal,
    )
    return {
      // Whatever ends the feed before its first word is told here as well as by `finished`.
      subscribed: Promise.race([firstWord, fed]),
      finished: fed.then(() => ({ ...liveJson(model.snapshot()) })),
      stop: () => {
        ended.abort()
      },
    }
  }
}
