import { Command } from 'commander'
import { ExitStatus } from '../model/failure.js'
import { printable } from '../views/printable.js'
import { findAgent, requireAgent } from './agent-binary.js'
import { askAgentDoctor, type AgentDoctor } from './agent-doctor.js'
import {
  checkBtf,
  checkDisk,
  checkKernel,
  checkLab,
  checkLockdown,
  checkNode,
  checkPrivilege,
  type Check,
} from './doctor-checks.js'
import { verifyLegs } from './doctor-verify.js'
import { printJson, printLine } from './output.js'

/** What was found, and the two answers that people want. */
export interface Diagnosis {
  readonly canTraceHere: boolean
  readonly canRunLab: boolean
  readonly checks: readonly Check[]
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('says what works on this machine, and what to do about the rest')
    .option('--json', 'one JSON value')
    .option(
      '--verify',
      'let the agent try its legs on a process of its own, as `cowpath-agent doctor --verify`',
    )
    .addHelpText(
      'after',
      '\nExit status: 0 this host can be traced, 3 it cannot (the lab may still work); with --verify 1: a leg is absent or does not tell what happens.',
    )
    .action(async ({ json, verify }: { readonly json?: true; readonly verify?: true }) => {
      if (verify) {
        process.exitCode = await verifyLegs(requireAgent(process.env), { json: json === true })
        return
      }
      const diagnosis = await diagnose(process.env, process.cwd())
      if (json) printJson(diagnosisJson(diagnosis))
      else diagnosisLines(diagnosis).forEach(printLine)
      process.exitCode = diagnosis.canTraceHere ? ExitStatus.Ok : ExitStatus.NotReady
    })
}

/** Looks at everything; takes under a second. `folder` is where recordings would go. */
export async function diagnose(env: NodeJS.ProcessEnv, folder: string): Promise<Diagnosis> {
  const agent = findAgent(env)
  const answer = agent === null ? NO_AGENT : await askAgentDoctor(agent)
  const client = [checkNode(process.version), answer.presence]
  // The agent knows best what it needs; where it cannot be asked we look ourselves.
  const here = answer.host ?? [checkKernel(), checkBtf(), checkPrivilege(), checkLockdown()]
  const lab = checkLab(env)
  return {
    canTraceHere: answer.canTrace && works(client) && works(here),
    canRunLab: works(client) && works(lab),
    checks: [...client, ...here, ...lab, checkDisk(folder)],
  }
}

const NO_AGENT: AgentDoctor = {
  canTrace: false,
  presence: {
    name: 'agent',
    verdict: 'missing',
    says: 'no cowpath-agent, neither built here nor in $PATH',
    todo: 'build it: npm run build',
  },
  host: null,
}

function works(checks: readonly Check[]): boolean {
  return checks.every((check) => check.verdict !== 'missing')
}

/** The diagnosis as a person reads it: a line a check, then the two answers. */
export function diagnosisLines(diagnosis: Diagnosis): readonly string[] {
  const checks = diagnosis.checks.flatMap((check) => {
    const line = `${check.verdict.padEnd(7)} ${check.name.padEnd(9)} ${printable(check.says)}`
    return check.todo === '' ? [line] : [line, `${' '.repeat(18)}-> ${check.todo}`]
  })
  return [
    ...checks,
    '',
    diagnosis.canTraceHere
      ? 'Nothing here forbids tracing: cowpath-agent serve, then cowpath live'
      : 'This host cannot be traced as it is.',
    diagnosis.canRunLab ? 'The lab works: cowpath lab' : 'The lab does not work here yet.',
  ]
}

function diagnosisJson(diagnosis: Diagnosis): object {
  return {
    can_trace_here: diagnosis.canTraceHere,
    can_run_lab: diagnosis.canRunLab,
    checks: diagnosis.checks,
  }
}
