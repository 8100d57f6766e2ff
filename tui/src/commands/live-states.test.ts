import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TmuxTerminal } from '../screen/testing/tmux.js'

// The program itself in a real terminal, and an agent that can be killed: `npm test` has compiled both to tui/dist before.
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const AGENT = fileURLToPath(new URL('../../dist/commands/testing/fake-agent-process.js', import.meta.url))

let folder: string
let terminal: TmuxTerminal
let agents: ChildProcess[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-states-'))
  terminal = new TmuxTerminal(150, 40)
  agents = []
})
afterEach(async () => {
  terminal.close()
  for (const agent of agents) await killed(agent)
  rmSync(folder, { recursive: true })
})

const socket = () => join(folder, 'agent.sock')

async function agent(bootId: string, { version = '0.1.0', second = 100 } = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [AGENT, `unix://${socket()}`, bootId, version, `${second}`])
  agents.push(child)
  for (let tries = 0; !existsSync(socket()) && tries < 200; tries++) await sleep(50)
  return child
}

/** As by kill -9: nobody is told anything. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
  rmSync(socket(), { force: true })
}

/** A line wider than the terminal goes on in its next row. */
function unwrapped(screen: string): string {
  return screen.replaceAll('\n', '')
}

function live(before = ''): void {
  terminal.keys(
    `clear; ${before} ${process.execPath} ${MAIN} live unix://${socket()}; echo "status $?"`,
    'Enter',
  )
}

test('an agent that is killed: reconnecting, and for how long; started anew, what nobody saw is told', async () => {
  const first = await agent('run-1')
  live()
  await terminal.until(/connected/)
  await killed(first)
  await terminal.until(/RECONNECTING for \d+(\.\d+)? m?s/)
  await agent('run-2', { second: 200 })
  const screen = await terminal.until(/NOT SEEN: the agent was started anew, nobody looked for \d/, 20_000)
  expect(screen).toMatch(/connected/)
  terminal.keys('q')
  await terminal.until(/status 0/)
})

test('a connection that breaks: what the agent no longer holds is counted', async () => {
  const first = await agent('run-1')
  live()
  await terminal.until(/events [1-9]/)
  await killed(first)
  await terminal.until(/RECONNECTING/)
  await agent('run-1', { second: 200 })
  await terminal.until(/LOST 4,321 while not connected: the numbers below are floors/, 20_000)
})

test(':filter asks the agent, apart from / which only hides rows', async () => {
  await agent('run-1')
  live()
  await terminal.until(/events [1-9]/)
  terminal.keys(':', 'filter pid=812 comm=redis', 'Enter')
  await terminal.until(/traced from now on: pid=812 comm=redis/)
  terminal.keys('/', 'pid=800', 'Enter')
  await terminal.until(/only pid=800 {2}traced pid=812 comm=redis/)
  terminal.keys('8')
  await terminal.until(/traced for this client: pid=812 comm=redis/)
  terminal.keys(':', 'filter', 'Enter')
  await terminal.until(/traced for this client: everything/)
  terminal.keys(':', 'filter kind=copy', 'Enter')
  await terminal.until(/kind=copy: the agent chooses by pid=N and comm=NAME/)
})

test('an agent of another version is named, with what follows from it', async () => {
  await agent('run-1', { version: '9.1.0' })
  live()
  await terminal.until(
    /AGENT 9\.1\.0 IS NEWER than this client 0\.\d+\.\d+: what it alone knows is not shown/,
  )
})

test('where the socket refuses, one line says so and what to do', async () => {
  await agent('run-1')
  chmodSync(folder, 0o755)
  chmodSync(socket(), 0o000)
  // Root may everything: nobody asks in its place.
  live(process.getuid?.() === 0 ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : '')
  const screen = await terminal.until(/status 1/)
  expect(unwrapped(screen)).toMatch(
    /cannot connect to .*: permission denied\. Run as root, or as a member of the group that owns the socket/,
  )
  expect(terminal.modes()).toEqual({ alternate: false, cursor: true })
})

test('where no agent listens, one line says so and what to do', async () => {
  live()
  const screen = await terminal.until(/status 1/)
  expect(unwrapped(screen)).toMatch(/there is no such socket\. Start one there/)
})
