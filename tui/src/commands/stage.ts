import { findAgent, requireAgent } from './agent-binary.js'
import { askAgentDoctor } from './agent-doctor.js'
import { failureLine } from './failing.js'
import { openLabStage, STAGE_KERNEL } from './lab-stage.js'
import { startLocalAgent } from './local-agent.js'
import { printNote } from './output.js'

/** Somewhere to watch: this host, or a guest with something going on in it. */
export interface Stage {
  readonly endpoint: string
  /** To be called once somebody listens: what was to happen may happen now. */
  begin(): void
  /** Ends what was started for the stage. Never rejects. */
  close(): Promise<void>
}

/**
 * The kernel asked for, in the lab; without a word this host where it can be traced, else a stock kernel in the lab.
 * Says on stderr what it chose, and why.
 */
export async function openStage(env: NodeJS.ProcessEnv, kernel: string | undefined): Promise<Stage> {
  if (kernel !== undefined) return openLabStage(requireAgent(env), kernel)
  return (await openHostStage(env)) ?? (await openLabStage(requireAgent(env), STAGE_KERNEL))
}

/** undefined where this host cannot be traced. The agent's doctor rules most out; the last word has the kernel. */
async function openHostStage(env: NodeJS.ProcessEnv): Promise<Stage | undefined> {
  const binary = findAgent(env)
  if (binary === null) return undefined
  const doctor = await askAgentDoctor(binary)
  if (!doctor.canTrace) {
    const missing = (doctor.host ?? [doctor.presence]).filter((check) => check.verdict === 'missing')
    printNote(`this host cannot be traced: ${missing.map((check) => check.says).join('; ')}`)
    return undefined
  }
  try {
    const agent = await startLocalAgent(binary)
    printNote('watching this host')
    return { endpoint: agent.endpoint, begin: () => undefined, close: () => agent.stop() }
  } catch (error) {
    printNote(`this host cannot be traced: ${failureLine(error)}`)
    return undefined
  }
}
