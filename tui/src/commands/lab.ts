import { Command, InvalidArgumentError, Option } from 'commander'

import { CASE_MACHINE, labCases, type CaseMachine, type LabCase } from '../lab/cases.js'
import { LabError } from '../lab/error.js'
import { caseFamilies, scenarioNames } from '../lab/scenarios.js'
import { runMatrix, type FindingsOf } from './lab-matrix.js'
import { NEWCOMERS_WORKLOAD, runLab, type FollowGuest, type LabRunOptions } from './lab-run.js'
import { stacksOption } from './stacks-option.js'

interface LabCommandOptions extends LabRunOptions {
  readonly cases?: boolean
  readonly matrix?: boolean
  readonly kernels: readonly string[]
  readonly out: string
  /** False with --no-agent. */
  readonly agent: boolean
}

const HELP = `
WORKLOAD is a case, a bundled scenario (${scenarioNames().join(', ')}), a static program of this host by its path,
or anything busybox offers. Without --run and WORKLOAD: ${NEWCOMERS_WORKLOAD.join(' ')}.

A case brings a page into one situation and judges by its memory: COHERENT, DIVERGED or LEAKED. --cases lists them, by
family: ${caseFamilies().join(', ')}.

Examples:
  cowpath lab --kernel 6.1 odirect-4k
  cowpath lab --matrix --kernels 5.10,7.2
  cowpath lab -- cowfork 64
  cowpath lab --kernel 7.2 --record run.db -- ./prog ARG
  cowpath lab --module brd --run 'mke2fs /dev/ram0 && ls -l /dev/ram0'
  cowpath lab --icount -- bench_ops

Kernels are fetched once, from the mirror that apt uses or $COWPATH_MIRROR, into $COWPATH_CACHE (default
~/.cache/cowpath). KVM is used where it works; COWPATH_ACCEL=tcg keeps to emulation.`

/**
 * `cowpath lab`. `findAgent` names the agent's binary or throws what to do; `findingsOf` judges a recording for the
 * matrix, which without it tells the truth of each case alone, from guests without an agent.
 */
export function labCommand(follow: FollowGuest, findAgent: () => string, findingsOf?: FindingsOf): Command {
  return new Command('lab')
    .description(
      'Boot a stock kernel in QEMU, run a workload beside the agent, record it, pass on its exit status.',
    )
    .argument('[workload...]', 'command to run in the guest, after --')
    .option(
      '--kernel <series|file>',
      'kernel: 5.10, 6.1, 6.12, 6.18, 7.2, another in backports, or a vmlinuz',
      '6.12',
    )
    .option('--modules <dir>', 'lib/modules/RELEASE that goes with a vmlinuz of your own')
    .option('--module <name>', 'load this module and what it needs; may be repeated', append, [])
    .option('--memory <size>', 'memory of the guest', size, '512M')
    .option('--cpus <n>', 'processors of the guest', count, 2)
    .option('--nodes <n>', 'memory nodes', count, 1)
    .option('--swap <size>', 'a swap device in compressed memory', size)
    .option('--icount', 'one processor that runs one instruction a nanosecond: costs that can be repeated')
    .option(
      '--disk <image[,throttle=bytes]>',
      'a disk, /dev/vda, slowed to bytes/s; the image is never written; ext4, debian or bpftrace for an image: one of our own, on /data',
    )
    .option('--qemu <args>', 'more arguments for QEMU')
    .option('--append <words>', "more words for the kernel's command line")
    .option('--add <file[:guestpath]>', 'bring a static program, script or data; may be repeated', append, [])
    .option('--run <command>', 'run this line in the guest by sh -c')
    .option('--record <db>', 'keep the recording here')
    .addOption(stacksOption())
    .option('--timeout <seconds>', 'end a workload that runs longer; 0: never', seconds, 600)
    .option('--cases', 'list the cases and end')
    .option('--matrix', 'run every case on every kernel of --kernels, write what came out as a page')
    .option('--kernels <series,..>', 'kernels of the matrix', seriesList, ['5.10', '6.1', '6.12', '7.2'])
    .option('--out <file>', 'where the matrix is written', 'docs/matrix.md')
    .option('--count <function>', 'let the kernel itself count entries of this function, per process')
    .option('--refresh', 'look for a newer kernel of the series')
    .option('--json', "one JSON object about the run on stdout, the workload's output on stderr")
    .addOption(new Option('--no-agent', 'boot and run only').hideHelp())
    .addHelpText('after', HELP)
    .action(async (workload: string[], options: LabCommandOptions) => {
      if (options.cases === true) {
        for (const { name } of await labCases()) process.stdout.write(`${name}\n`)
        return
      }
      if (options.matrix === true) {
        const judge = options.agent ? findingsOf : undefined
        const agent = judge === undefined ? undefined : findAgent()
        process.exitCode = await runMatrix(
          await labCases(),
          options,
          (guest, output) => runLab([], { ...options, ...guest }, agent, follow, output),
          judge,
          process,
        )
        return
      }
      const agent = options.agent ? findAgent() : undefined
      const chosen = isCase(workload)
        ? caseRun(workload[0], await labCases(), options)
        : { workload, options }
      process.exitCode = await runLab(chosen.workload, chosen.options, agent, follow, process)
    })
}

function isCase(workload: readonly string[]): workload is readonly [string] {
  const [family, ...rest] = (workload[0] ?? '').split('-')
  return workload.length === 1 && rest.length > 0 && caseFamilies().includes(family)
}

/** A case's command, and the machine that it needs: what the options ask for beyond that is kept. */
export function caseRun<Options extends { readonly disk?: string; readonly append?: string }>(
  name: string,
  cases: readonly LabCase[],
  options: Options,
): { workload: readonly string[]; options: Options & CaseMachine } {
  const found = cases.find((one) => one.name === name)
  if (found === undefined) throw new LabError(`there is no case ${name}. See cowpath lab --cases`)
  const append = [CASE_MACHINE.append, options.append ?? ''].join(' ').trim()
  return {
    workload: found.command,
    options: { ...options, ...CASE_MACHINE, append, disk: options.disk ?? CASE_MACHINE.disk },
  }
}

function append(value: string, all: readonly string[]): string[] {
  return [...all, value]
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 64) throw new InvalidArgumentError('Say 1 to 64.')
  return number
}

function seconds(text: string): number {
  const number = Number(text)
  // Timers take no more than 2^31 ms.
  if (!Number.isFinite(number) || number < 0 || number > 2_000_000)
    throw new InvalidArgumentError('Say seconds, 0 to 2000000.')
  return number
}

function seriesList(text: string): readonly string[] {
  const all = text.split(',').filter((one) => one !== '')
  if (all.length === 0) throw new InvalidArgumentError('Say series apart by commas, as 6.1,7.2.')
  return all
}

function size(text: string): string {
  if (!/^\d+[MG]$/.test(text)) throw new InvalidArgumentError('Say a size as 512M or 2G.')
  return text
}
