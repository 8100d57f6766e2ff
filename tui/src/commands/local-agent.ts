import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CowpathError } from '../model/failure.js'

/** An agent of our own on this host, that nobody else is to connect to. */
export interface LocalAgent {
  /** `unix:///...` */
  readonly endpoint: string
  /** Ends the agent, waits for it, removes its socket. Safe to call twice. */
  stop(): Promise<void>
}

/** Attaching all legs takes a second or two on a slow machine. */
const START_MS = 15_000
const STOP_MS = 3_000

/**
 * Starts `binary` on a socket in a folder that only we can enter. Throws a CowpathError with the agent's own words when
 * it does not come up.
 */
export async function startLocalAgent(binary: string): Promise<LocalAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-agent-'))
  const socket = join(folder, 'agent.sock')
  const endpoint = `unix://${socket}`
  // A process group of its own: ^Z and ^C at our terminal are for us, and it is ended by `stop`.
  const child = spawn(binary, ['serve', '--listen', endpoint], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4096)
  })
  const killNow = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', killNow)
  const stop = async () => {
    await end(child)
    process.off('exit', killNow)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilListening(child, socket)
  } catch (error) {
    await stop()
    throw new CowpathError({
      what: 'cannot start the agent',
      why: lastLine(complaint) || (error instanceof Error ? error.message : String(error)),
      todo: 'see what works here with: cowpath doctor',
      cause: error,
    })
  }
  return { endpoint, stop }
}

async function untilListening(child: ChildProcess, socket: string): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`it ended at once (status ${code ?? signal ?? 'unknown'})`))
    })
  })
  const listening = async () => {
    const deadline = Date.now() + START_MS
    while (Date.now() < deadline) {
      if (existsSync(socket)) return
      await sleep(20)
    }
    throw new Error(`it did not listen within ${START_MS / 1000} s`)
  }
  await Promise.race([failed, listening()])
  // The race is decided; from now on its end is no error.
  failed.catch(() => undefined)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(patience)
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').replace(/^cowpath-agent: /, '')
}
