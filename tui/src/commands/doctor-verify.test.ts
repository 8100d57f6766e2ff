import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyLegs } from './doctor-verify.js'

function agentThat(line: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'agent')
  writeFileSync(path, `#!/bin/sh\n${line}\n`)
  chmodSync(path, 0o755)
  return path
}

test('the exit status of the agent is ours, whatever it is', async () => {
  for (const status of [0, 1, 3])
    expect(await verifyLegs(agentThat(`exit ${status}`), { json: false })).toBe(status)
})

test('the agent is asked for JSON where we are', async () => {
  const agent = agentThat('[ "$*" = "doctor --verify --json" ]')
  expect(await verifyLegs(agent, { json: true })).toBe(0)
  expect(await verifyLegs(agent, { json: false })).toBe(1)
})

test('an agent that is not there or was killed is told in one line', async () => {
  await expect(verifyLegs('/no/such/agent', { json: false })).rejects.toThrow(/ENOENT/)
  await expect(verifyLegs(agentThat('kill -9 $$'), { json: false })).rejects.toThrow(/SIGKILL/)
})
