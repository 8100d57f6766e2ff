import { statSync } from 'node:fs'
import { basename } from 'node:path'

import { Command, InvalidArgumentError, Option } from 'commander'

import { CASE_MACHINE, labCases, type CaseMachine, type LabCase } from '../lab/cases.js'
import { LabError } from '../lab/error.js'
import { bootLab, type LabGuest } from '../lab/guest.js'
import { resolveKernel } from '../lab/kernels.js'
import { splitArguments } from '../lab/qemu.js'
import { caseFamilies, scenarioNames } from '../lab/scenarios.js'
import { Interrupt, Interrupted } from './lab-interrupt.js'
import { runMatrix, type FindingsOf } from './lab-matrix.js'

/** What listens to a guest's agent while its workload runs: the lab boots and conducts, and leaves recording to it. */
export interface GuestFollower {
  /** Resolves when the agent has accepted the subscription: from then on nothing is missed. */
  readonly subscribed: Promise<void>
  /** Resolves when the agent has ended its stream and all of it is kept; the value is for `--json`. */
  readonly finished: Promise<Readonly<Record<string, unknown>>>
  /** Gives up waiting for more: the guest is gone. `finished` resolves with what came. */
  stop(): void
}

/** Begins to follow the agent at `endpoint`, into the recording `record` if one is wanted. */
export type FollowGuest = (endpoint: string, record: string | undefined) => GuestFollower

export interface LabCommandOptions {
  readonly kernel: string
  readonly modules?: string
  readonly module: readonly string[]
  readonly memory: string
  readonly cpus: number
  readonly nodes: number
  readonly swap?: string
  readonly icount?: boolean
  readonly disk?: string
  readonly qemu?: string
  readonly append?: string
  readonly add: readonly string[]
  readonly run?: string
  readonly record?: string
  readonly timeout: number
  readonly count?: string
  readonly refresh?: boolean
  readonly json?: boolean
  readonly cases?: boolean
  readonly matrix?: boolean
  readonly kernels: readonly string[]
  readonly out: string
  /** False with --no-agent. */
  readonly agent: boolean
}

/** What a command prints with, so that tests can listen. */
export interface LabOutput {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

const NEWCOMERS_WORKLOAD = ['forkloop', '10']
/** How long an interrupted guest's agent may take to deliver the rest. */
const LAST_EVENTS_MS = 20_000

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
  cowpath lab --icount -- bench_cow 5000

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
      'a disk, /dev/vda, slowed to bytes/s; the image is never written; ext4 for an image: one of our own, on /data',
    )
    .option('--qemu <args>', 'more arguments for QEMU')
    .option('--append <words>', "more words for the kernel's command line")
    .option('--add <file[:guestpath]>', 'bring a static program, script or data; may be repeated', append, [])
    .option('--run <command>', 'run this line in the guest by sh -c')
    .option('--record <db>', 'keep the recording here')
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

/** Boots, runs and records as the options say. Returns the workload's exit status, or 128+N if signal N ended us. */
export async function runLab(
  given: readonly string[],
  options: LabCommandOptions,
  agent: string | undefined,
  follow: FollowGuest,
  output: LabOutput,
): Promise<number> {
  const say = (line: string): void => {
    output.stderr.write(`cowpath: ${line}\n`)
  }
  const { workload, files } = guestCommand(given, options)
  const interrupt = new Interrupt()
  let guest: LabGuest | undefined
  try {
    const kernel = await interrupt.or(resolveKernel({ ...options }, say))
    say(`booting kernel ${kernel.release}`)
    const booting = bootLab({
      kernel,
      files,
      workload,
      modules: options.module,
      memory: options.memory,
      cpus: options.cpus,
      nodes: options.nodes,
      ...(options.swap === undefined ? {} : { swap: options.swap }),
      ...(agent === undefined ? {} : { agent }),
      ...(options.icount === undefined ? {} : { icount: options.icount }),
      ...(options.disk === undefined ? {} : { disk: options.disk }),
      ...(options.append === undefined ? {} : { append: options.append }),
      ...(options.count === undefined ? {} : { count: options.count }),
      qemu: splitArguments(options.qemu ?? ''),
    })
    // Interrupted meanwhile: whoever comes up late is sent home.
    booting.then(
      (late) => (interrupt.signal === undefined ? undefined : late.shutdown()),
      () => undefined,
    )
    guest = await interrupt.or(booting)
    guest.stdout.pipe(options.json === true ? output.stderr : output.stdout, { end: false })
    guest.stderr.pipe(output.stderr, { end: false })
    const run = await conduct(guest, options, follow, interrupt)
    if (options.json === true) {
      const { accelerator, bootMs } = guest
      const about = {
        kernel: kernel.release,
        accelerator,
        boot_ms: bootMs,
        exit_status: run.status,
        ...run.summary,
      }
      output.stdout.write(`${JSON.stringify(about)}\n`)
    }
    return run.status
  } catch (thrown) {
    if (thrown instanceof Interrupted) return 128 + thrown.number
    throw thrown
  } finally {
    interrupt.forget()
    await guest?.shutdown()
  }
}

/** From a booted guest to the last event of its agent. */
async function conduct(
  guest: LabGuest,
  { timeout, record }: LabCommandOptions,
  follow: FollowGuest,
  interrupt: Interrupt,
): Promise<{ status: number; summary: Readonly<Record<string, unknown>> }> {
  const exit = guest.waitExit()
  const follower = guest.endpoint === undefined ? undefined : follow(guest.endpoint, record)
  follower?.finished.catch(() => undefined) // told by `subscribed` or awaited below
  try {
    // A guest that dies meanwhile says why; before its workload runs `exit` cannot resolve.
    await interrupt.or(Promise.race([follower?.subscribed ?? Promise.resolve(), exit]))
    guest.start()
    const status = await interrupt.or(limited(exit, timeout))
    await guest.drain()
    return { status, summary: (await follower?.finished) ?? {} }
  } catch (thrown) {
    // What was seen until now is kept: the agent delivers the rest if it still can.
    const rest = guest.drain().then(() => follower?.finished)
    await Promise.race([rest, sleepMs(LAST_EVENTS_MS)]).catch(() => undefined)
    follower?.stop()
    await follower?.finished.catch(() => undefined)
    throw thrown
  }
}

/** The command as the guest knows it, and the files that it needs there. */
export function guestCommand(
  given: readonly string[],
  { run, add }: Pick<LabCommandOptions, 'run' | 'add'>,
): { workload: string[]; files: string[] } {
  if (run !== undefined && given.length > 0) {
    throw new LabError('both --run and a workload after -- are given: choose one')
  }
  if (run !== undefined) return { workload: ['sh', '-c', run], files: [...add] }
  if (given.length === 0) return { workload: NEWCOMERS_WORKLOAD, files: [...add] }
  const [program, ...words] = given
  const brought = add.some((file) => file.endsWith(`:${program}`))
  if (brought || !program.includes('/') || statSync(program, { throwIfNoEntry: false })?.isFile() !== true) {
    return { workload: [...given], files: [...add] }
  }
  const path = `/bin/${basename(program)}`
  return { workload: [path, ...words], files: [...add, `${program}:${path}`] }
}

async function limited(exit: Promise<number>, limitSeconds: number): Promise<number> {
  if (limitSeconds === 0) return exit
  const late = new LabError(
    `the workload did not end within ${limitSeconds} s and was ended. Give it more with --timeout SECONDS (0: no limit)`,
  )
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late)
    }, limitSeconds * 1000)
  })
  try {
    return await Promise.race([exit, timeout])
  } finally {
    clearTimeout(timer)
  }
}

async function sleepMs(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
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
