import { expect, test } from 'vitest'
import type { FeedOptions, LiveFeed } from './feed.js'
import { liveCommand } from './live.js'

/** What the command asks of the feed; the feed is over at once. */
async function asked(...args: readonly string[]): Promise<readonly FeedOptions[]> {
  const options: FeedOptions[] = []
  const feed: LiveFeed = { endpoint: 'unix:///nowhere', run: () => Promise.resolve() }
  const command = liveCommand((_, wanted) => {
    options.push(wanted)
    return feed
  })
  await command.parseAsync(['node', 'live', ...args])
  return options
}

test('a recording beside the screen is bounded as cowpath record bounds it', async () => {
  const [options] = await asked('--json', '--record', 'run.db', '--keep', '2h', '--max-size', '500M')
  expect(options).toMatchObject({
    recordTo: 'run.db',
    keep: { keepNs: 2 * 3600e9, maxBytes: 500 * 2 ** 20 },
  })
})

test('bounds of a recording that is not made are refused', async () => {
  await expect(asked('--json', '--keep', '2h')).rejects.toThrow('cannot keep a part of what is not recorded')
})
