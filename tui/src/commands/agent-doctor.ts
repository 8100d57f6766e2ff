import { execFile } from 'node:child_process'
import type { Check } from './doctor-checks.js'

/** What `cowpath-agent doctor --json` said. */
export interface AgentDoctor {
  /** Whether this host can be traced, as far as the agent can tell without trying. */
  readonly canTrace: boolean
  /** That it is there and answers; or why it does not. */
  readonly presence: Check
  /** What it found on this host; null where it did not answer. */
  readonly host: readonly Check[] | null
}

/** The whole of `cowpath doctor` has to answer within a second. */
const PATIENCE_MS = 800

/** Asks the agent. Every way in which that fails is an answer too, never an exception. */
export function askAgentDoctor(agent: string): Promise<AgentDoctor> {
  return new Promise((resolve) => {
    execFile(
      agent,
      ['doctor', '--json'],
      { timeout: PATIENCE_MS, killSignal: 'SIGKILL', maxBuffer: 4 << 20 },
      (error, stdout, stderr) => {
        const report = parseReport(stdout)
        if (report === null)
          resolve(noAnswer(agent, firstLine(stderr) || (error?.message ?? 'it said nothing')))
        else resolve(answered(agent, report))
      },
    )
  })
}

interface Report {
  readonly ok: boolean
  readonly checks: readonly { name: string; ok: boolean; found: string; remedy: string }[]
}

function answered(agent: string, report: Report): AgentDoctor {
  return {
    canTrace: report.ok,
    presence: { name: 'agent', verdict: 'ok', says: agent, todo: '' },
    host: report.checks.map(({ name, ok, found, remedy }) => ({
      name,
      verdict: ok ? 'ok' : 'missing',
      says: found,
      todo: remedy,
    })),
  }
}

function noAnswer(agent: string, why: string): AgentDoctor {
  const says = `${agent} does not answer: ${why}`
  const presence: Check = { name: 'agent', verdict: 'missing', says, todo: 'build it again: npm run build' }
  return { canTrace: false, presence, host: null }
}

/** The agent may be of another version: null for anything that is not the report that we know. */
function parseReport(text: string): Report | null {
  try {
    const value: unknown = JSON.parse(text)
    return isReport(value) ? value : null
  } catch {
    return null
  }
}

function isReport(value: unknown): value is Report {
  if (!isObject(value) || typeof value['ok'] !== 'boolean' || !Array.isArray(value['checks'])) return false
  return value['checks'].every(
    (check: unknown) =>
      isObject(check) &&
      typeof check['ok'] === 'boolean' &&
      [check['name'], check['found'], check['remedy']].every((part) => typeof part === 'string'),
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]
}
