import { execFile } from 'node:child_process'
import type { Check } from './doctor-checks.js'

/** What `cowpath-agent doctor --json` said: whether this host can be traced, and its own findings. */
export interface AgentDoctor {
  readonly check: Check
  readonly canTrace: boolean
  /** The agent's own report, as it gave it; null where there is none. */
  readonly report: unknown
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
        const report = parseJson(stdout)
        if (report !== null) resolve(judge(agent, report))
        else resolve(noReport(agent, firstLine(stderr) || (error?.message ?? 'it said nothing')))
      },
    )
  })
}

function judge(agent: string, report: object): AgentDoctor {
  const canTrace = 'can_trace' in report && report.can_trace === true
  const says = 'summary' in report && typeof report.summary === 'string' ? report.summary : ''
  const check: Check = {
    name: 'agent',
    verdict: canTrace ? 'ok' : 'missing',
    says: `${agent}: ${says === '' ? (canTrace ? 'can trace this host' : 'cannot trace this host') : says}`,
    todo: canTrace ? '' : 'trace in the lab: cowpath lab',
  }
  return { check, canTrace, report }
}

function noReport(agent: string, why: string): AgentDoctor {
  const check: Check = {
    name: 'agent',
    verdict: 'missing',
    says: `${agent} does not answer: ${why}`,
    todo: 'build it again: npm run build',
  }
  return { check, canTrace: false, report: null }
}

function parseJson(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    return null
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]
}
