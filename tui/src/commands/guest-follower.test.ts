import { expect, test } from 'vitest'
import { syntheticAgent, syntheticSecond } from '../views/testing/synthetic-stream.js'
import { followGuestOver } from './guest-follower.js'
import type { FeedListener, FeedOptions, FeedOf } from './feed.js'

/** A feed that a test speaks through. */
function manualFeed() {
  const seen: { options?: FeedOptions; listener?: FeedListener; signal?: AbortSignal } = {}
  let finish: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const feedOf: FeedOf = (endpoint, options) => ({
    endpoint,
    run: (listener, signal) => {
      Object.assign(seen, { options, listener, signal })
      return new Promise((resolve, reject) => {
        finish = resolve
        fail = reject
        signal.addEventListener('abort', () => {
          resolve()
        })
      })
    },
  })
  return {
    feedOf,
    seen,
    finish: () => {
      finish()
    },
    fail: (error: Error) => {
      fail(error)
    },
  }
}

test('subscribed with the first word of the agent, finished with its last, counts told', async () => {
  const { feedOf, seen, finish } = manualFeed()
  const follower = followGuestOver(feedOf)('tcp://127.0.0.1:1', { record: 'run.db', stacks: 'user' })
  expect(seen.options).toMatchObject({ afterEnd: 'finish', recordTo: 'run.db', stacks: 'user' })
  seen.listener?.item({ type: 'started', agent: syntheticAgent(), nextSeq: 1 })
  await follower.subscribed
  for (const item of syntheticSecond(100, 40)) seen.listener?.item(item)
  finish()
  expect(await follower.finished).toMatchObject({ host: 'db-7', totals: { events: 40 } })
})

test('stop ends it with what came', async () => {
  const { feedOf } = manualFeed()
  const follower = followGuestOver(feedOf)('tcp://127.0.0.1:1', {})
  follower.stop()
  expect(await follower.finished).toMatchObject({ totals: { events: 0 } })
})

test('an agent that refuses is told at once', async () => {
  const { feedOf, fail } = manualFeed()
  const follower = followGuestOver(feedOf)('tcp://127.0.0.1:1', {})
  follower.finished.catch(() => undefined)
  fail(new Error('refused'))
  await expect(follower.subscribed).rejects.toThrow('refused')
})
