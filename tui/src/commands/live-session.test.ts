import { afterEach, expect, test, vi } from 'vitest'
import { CowpathError } from '../model/failure.js'
import { syntheticAgent, syntheticSecond } from '../views/testing/synthetic-stream.js'
import type { LiveFeed } from './feed.js'
import { runLiveJson, runLiveScreen } from './live-session.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** What is printed while `step` runs, as JSON values. */
async function printed(step: () => Promise<unknown>): Promise<readonly unknown[]> {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk)
    return true
  })
  await step()
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
}

const endpoint = 'unix:///run/x.sock'

test('without a screen the end of the stream prints the last word and exits 0', async () => {
  const feed: LiveFeed = {
    endpoint,
    run: (listener) => {
      listener.item({ type: 'started', agent: syntheticAgent(), nextSeq: 1 })
      for (const item of syntheticSecond(100, 40)) listener.item(item)
      return Promise.resolve()
    },
  }
  const lines = await printed(async () => {
    expect(await runLiveJson(feed)).toBe(0)
  })
  expect(lines).toEqual([expect.objectContaining({ connection: 'ended', host: 'db-7' })])
  expect(lines[0]).toMatchObject({ totals: { events: 40 } })
})

test('while it lasts there is a line a second', async () => {
  const feed: LiveFeed = {
    endpoint,
    run: (listener) => {
      listener.item({ type: 'started', agent: syntheticAgent(), nextSeq: 1 })
      return new Promise((resolve) => setTimeout(resolve, 2500))
    },
  }
  const lines = await printed(() => runLiveJson(feed))
  expect(lines.map((line) => (line as { connection: string }).connection)).toEqual([
    'connected',
    'connected',
    'ended',
  ])
})

test('an agent that cannot be reached is an error, not an empty line', async () => {
  const feed: LiveFeed = {
    endpoint,
    run: () => Promise.reject(new CowpathError({ what: 'cannot connect', why: 'no such file', todo: '' })),
  }
  await expect(runLiveJson(feed)).rejects.toThrow('cannot connect: no such file')
})

test('without a terminal the screen is refused in words', async () => {
  await expect(runLiveScreen([{ endpoint }], {})).rejects.toThrow(
    /no terminal on stdin and stdout.*live --json/,
  )
})
