import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startLocalAgent } from './local-agent.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-local-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A program that takes `serve --listen unix:///PATH` as the agent does, and then does what `script` says. */
function fakeAgent(script: string): string {
  const path = join(folder, 'agent')
  writeFileSync(path, `#!/bin/sh\nsocket="\${3#unix://}"\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

test('the agent listens where only we can reach it, and nothing of it stays', async () => {
  const binary = fakeAgent('echo $$ > "$0.pid"; : > "$socket"; exec sleep 60')
  const agent = await startLocalAgent(binary)
  const pid = Number(readFileSync(`${binary}.pid`, 'utf8'))
  expect(process.kill(pid, 0)).toBe(true)
  const socket = agent.endpoint.replace('unix://', '')
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700)
  await agent.stop()
  await agent.stop()
  expect(existsSync(dirname(socket))).toBe(false)
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

test('an agent that refuses is quoted', async () => {
  const refusing = fakeAgent('echo "cowpath-agent: BPF is refused: EPERM" >&2; exit 3')
  await expect(startLocalAgent(refusing)).rejects.toThrow(
    'cannot start the agent: BPF is refused: EPERM. See what works here with: cowpath doctor',
  )
})

test('an agent that cannot be run at all is an error in words too', async () => {
  await expect(startLocalAgent(join(folder, 'nothing'))).rejects.toThrow(/cannot start the agent: .*ENOENT/)
})
