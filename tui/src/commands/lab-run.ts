import { statSync } from 'node:fs'
import { basename } from 'node:path'

import { LabError } from '../lab/error.js'
import { bootLab, type LabGuest } from '../lab/guest.js'
import { resolveKernel } from '../lab/kernels.js'
import { splitArguments } from '../lab/qemu.js'
import type { WantedStacks } from '../wire/stack.js'
import { Interrupt, Interrupted } from './lab-interrupt.js'

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
export type FollowGuest = (endpoint: string, wanted: WantedOfGuest) => GuestFollower

export type WantedOfGuest = Pick<LabRunOptions, 'record' | 'stacks'>

/** What to boot, what to run in it, and what to keep. */
export interface LabRunOptions {
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
  readonly stacks?: WantedStacks
  readonly timeout: number
  readonly count?: string
  readonly refresh?: boolean
  readonly json?: boolean
}

/** What a command prints with, so that tests can listen. */
export interface LabOutput {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

export const NEWCOMERS_WORKLOAD = ['forkloop', '10']
/** How long an interrupted guest's agent may take to deliver the rest. */
const LAST_EVENTS_MS = 20_000

/** Boots, runs and records as the options say. Returns the workload's exit status, or 128+N if signal N ended us. */
export async function runLab(
  given: readonly string[],
  options: LabRunOptions,
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
  { timeout, ...wanted }: LabRunOptions,
  follow: FollowGuest,
  interrupt: Interrupt,
): Promise<{ status: number; summary: Readonly<Record<string, unknown>> }> {
  const exit = guest.waitExit()
  const follower = guest.endpoint === undefined ? undefined : follow(guest.endpoint, wanted)
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
  { run, add }: Pick<LabRunOptions, 'run' | 'add'>,
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
