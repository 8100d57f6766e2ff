import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'

import { accelerators, rememberKvmFails } from './accelerator.js'
import { diskImage, isDataDisk } from './disk.js'
import { LabError } from './error.js'
import { FrameReader, type Frame } from './frames.js'
import { initramfs, type GuestPlan } from './initramfs.js'
import type { Kernel } from './kernels.js'
import { Line } from './line.js'
import { modulesInOrder } from './modules.js'
import { findQemu, freePort, machineModules, qemuArguments, type Accelerator, type Machine } from './qemu.js'

export interface LabOptions extends Omit<GuestPlan, 'modules' | 'mountsDisk'> {
  readonly kernel: Kernel
  /** Modules to load beside those that the machine needs itself. */
  readonly modules?: readonly string[]
  readonly memory?: string
  readonly cpus?: number
  readonly icount?: boolean
  /** `IMAGE[,throttle=BYTES]`; `ext4` for an image is a disk of the lab's own, mounted on /data. */
  readonly disk?: string
  /** Memory nodes that the machine's memory is shared out to; 1 where not said. */
  readonly nodes?: number
  /** More arguments for QEMU. */
  readonly qemu?: readonly string[]
  /** More words for the kernel's command line. */
  readonly append?: string
  /** How long a guest may take until its workload is ready. */
  readonly bootTimeoutMs?: number
}

/** A guest whose workload waits for `start`. */
export interface LabGuest {
  /** Where the agent is reached; absent in a guest without one. */
  readonly endpoint?: string
  readonly accelerator: Accelerator
  readonly workloadPid: number
  readonly bootMs: number
  readonly stdout: Readable
  readonly stderr: Readable
  /** Lets the workload run. To be called when somebody listens to the agent: what happens before is not sent. */
  start(): void
  /** The workload's exit status, 128+N after signal N. Rejects with a LabError if the guest or the agent dies first. */
  waitExit(): Promise<number>
  /** Asks the agent to deliver what it has and to end; resolves when it has ended. */
  drain(): Promise<void>
  /** Ends the guest and removes all that it left on this host. Never rejects; may be called at any time, and again. */
  shutdown(): Promise<void>
}

const BOOT_TIMEOUT_MS = 90_000
/** A kernel that runs under KVM has said something long before. */
const KVM_SILENCE_MS = 4_000
const CONSOLE_BYTES = 1 << 16
const POWER_OFF_MS = 3_000
const TAIL_LINES = 12

/** Boots a guest up to the point where its workload is ready to run. */
export async function bootLab(asked: LabOptions): Promise<LabGuest> {
  const qemu = findQemu()
  const mountsDisk = isDataDisk(asked.disk)
  const options = asked.disk === undefined ? asked : { ...asked, disk: await diskImage(asked.disk) }
  const network = options.agent === undefined ? 'none' : 'network'
  const needed = [
    ...machineModules(options, network),
    ...(mountsDisk ? ['ext4'] : []),
    ...(options.swap === undefined ? [] : ['zram']),
  ]
  const modules = modulesInOrder(options.kernel.modules, options.modules ?? [], needed)
  const initrd = await initramfs({ ...options, modules, mountsDisk })
  const choices = options.icount === true ? ['tcg' as const] : accelerators()
  const limitMs = options.bootTimeoutMs ?? BOOT_TIMEOUT_MS
  const booted = async (accelerator: Accelerator) =>
    (await Guest.launch(qemu, options, initrd, accelerator)).ready(limitMs)
  if (choices.length === 1 && choices[0] !== 'tcg') return booted(choices[0])
  if (choices.length === 1) return twice(booted)

  const guest = await Guest.launch(qemu, options, initrd, 'kvm')
  if (await guest.speaksWithin(KVM_SILENCE_MS)) return guest.ready(limitMs)
  await guest.shutdown()
  rememberKvmFails()
  return twice(booted)
}

/**
 * Under emulation with two processors a kernel sometimes dies of an exception while it boots, before anything of ours runs
 * (seen with 7.2, on a busy host). Whatever else stops it, stops it again.
 */
async function twice(booted: (accelerator: Accelerator) => Promise<LabGuest>): Promise<LabGuest> {
  try {
    return await booted('tcg')
  } catch (error) {
    if (!(error instanceof LabError) || !error.message.includes('Fatal exception')) throw error
    return booted('tcg')
  }
}

/** A promise that is settled from outside; a failure that nobody waits for yet is kept, not thrown. */
class Outcome<T> {
  resolve!: (value: T) => void
  reject!: (error: LabError) => void
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })
  constructor() {
    this.promise.catch(() => undefined)
  }
}

class Guest implements LabGuest {
  declare readonly endpoint?: string
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  workloadPid = 0
  bootMs = 0

  readonly #directory: string
  readonly #ready = new Outcome<number>()
  readonly #exit = new Outcome<number>()
  readonly #agentEnd = new Outcome<undefined>()
  readonly #spoke = new Outcome<undefined>()
  readonly #gone = new Outcome<undefined>()
  readonly #startedMs = performance.now()
  readonly #frames = new FrameReader()
  readonly #console = new Line((bytes) => {
    this.#hear(bytes)
  })
  readonly #channel = new Line((bytes) => {
    for (const frame of this.#frames.push(bytes)) this.#take(frame)
  })
  readonly #kill = (): void => {
    this.#process?.kill('SIGKILL')
    rmSync(this.#directory, { recursive: true, force: true })
  }
  #process: ChildProcess | undefined
  #consoleTail = Buffer.alloc(0)
  #errors = ''

  private constructor(
    readonly accelerator: Accelerator,
    readonly kernel: Kernel,
    port: number | undefined,
    directory: string,
  ) {
    this.#directory = directory
    if (port !== undefined) this.endpoint = `tcp://127.0.0.1:${port}`
  }

  static async launch(
    qemu: string,
    options: LabOptions,
    initrd: Buffer,
    accelerator: Accelerator,
  ): Promise<Guest> {
    const directory = mkdtempSync(join(tmpdir(), 'cowpath-lab-'))
    const port = options.agent === undefined ? undefined : await freePort()
    const guest = new Guest(accelerator, options.kernel, port, directory)
    process.once('exit', guest.#kill)
    try {
      const machine: Machine = {
        accelerator,
        image: options.kernel.image,
        initrd: join(directory, 'initrd'),
        consoleSocket: join(directory, 'console'),
        channelSocket: join(directory, 'channel'),
        ...(port === undefined ? {} : { port }),
        memory: options.memory ?? '512M',
        cpus: options.icount === true ? 1 : (options.cpus ?? 2),
        icount: options.icount ?? false,
        ...(options.disk === undefined ? {} : { disk: options.disk }),
        nodes: options.nodes ?? 1,
        extra: options.qemu ?? [],
        append: options.append ?? '',
      }
      writeFileSync(machine.initrd, initrd)
      await guest.#console.listen(machine.consoleSocket)
      await guest.#channel.listen(machine.channelSocket)
      guest.#spawn(qemu, qemuArguments(machine))
      return guest
    } catch (thrown) {
      await guest.shutdown()
      throw thrown
    }
  }

  /** Whether the kernel's console says anything within that time. */
  async speaksWithin(ms: number): Promise<boolean> {
    return within(this.#spoke.promise, ms).then(
      (spoke) => spoke !== 'late',
      () => false,
    )
  }

  async ready(timeoutMs: number): Promise<this> {
    try {
      const pid = await within(this.#ready.promise, timeoutMs)
      if (pid === 'late') throw this.#failure(`did not start its workload within ${timeoutMs / 1000} s`)
      this.workloadPid = pid
      this.bootMs = Math.round(performance.now() - this.#startedMs)
      // All is in the guest's memory now: were we killed here, no file of ours would stay.
      rmSync(this.#directory, { recursive: true, force: true })
      return this
    } catch (thrown) {
      await this.shutdown()
      throw thrown
    }
  }

  start(): void {
    this.#channel.send('g')
  }

  async waitExit(): Promise<number> {
    return this.#exit.promise
  }

  async drain(): Promise<void> {
    if (this.endpoint === undefined) return
    this.#channel.send('t')
    await this.#agentEnd.promise
  }

  async shutdown(): Promise<void> {
    this.#channel.send('q')
    if (
      this.#process &&
      (this.workloadPid === 0 || (await within(this.#gone.promise, POWER_OFF_MS)) === 'late')
    ) {
      this.#process.kill('SIGKILL')
      await this.#gone.promise
    }
    this.#console.close()
    this.#channel.close()
    this.#kill()
    process.removeListener('exit', this.#kill)
  }

  #spawn(qemu: string, args: readonly string[]): void {
    // Were we killed without a chance to clean up, the kernel kills QEMU (prctl PR_SET_PDEATHSIG, kept over exec).
    const guard = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
    const [command, all] =
      guard === undefined ? [qemu, args] : [guard, ['--pdeathsig', 'KILL', '--', qemu, ...args]]
    // Its own session: ^C reaches us alone, and we end the guest in order.
    const child = spawn(command, all, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
    this.#process = child
    child.stderr.on('data', (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString('utf8')).slice(-2000)
    })
    child.on('error', () => {
      this.#gone.resolve(undefined)
      this.#fail('could not be started: QEMU does not run. apt install qemu-system-x86')
    })
    child.on('close', (status) => {
      this.#gone.resolve(undefined)
      this.#fail(
        status === 0 || status === null
          ? 'ended before its workload did'
          : `ended: QEMU failed with status ${status}`,
      )
    })
  }

  #hear(bytes: Buffer): void {
    this.#spoke.resolve(undefined)
    this.#consoleTail = Buffer.concat([this.#consoleTail, bytes]).subarray(-CONSOLE_BYTES)
  }

  #take({ type, bytes }: Frame): void {
    if (type === 'R') this.#ready.resolve(Number(bytes.toString('latin1')))
    else if (type === 'o') this.stdout.write(bytes)
    else if (type === 'e') this.stderr.write(bytes)
    else if (type === 'E') this.#fail(`reports: ${bytes.toString('latin1')}`, 'See what the agent says there')
    else if (type === 'D') this.#agentEnd.resolve(undefined)
    else if (type === 'X') {
      this.stdout.end()
      this.stderr.end()
      this.#exit.resolve(Number(bytes.toString('latin1')))
    }
  }

  #fail(what: string, todo?: string): void {
    const failure = this.#failure(what, todo)
    this.stdout.end()
    this.stderr.end()
    for (const outcome of [this.#ready, this.#exit, this.#agentEnd, this.#spoke]) outcome.reject(failure)
  }

  /** What happened, with the end of what the kernel and QEMU said. */
  #failure(what: string, todo = 'Check --kernel, --append and --memory'): LabError {
    const lines = `${this.#consoleTail.toString('latin1')}\n${this.#errors}`
      // the console is not ours: nothing of it may steer a terminal
      .replace(/\x1b\[[0-9;?]*[a-zA-Z]|[^\x20-\x7e\n]/g, '')
      .split('\n')
      .filter((line) => line.trim() !== '')
    const tail =
      lines.length === 0
        ? 'its console is empty'
        : `its console ends: ${lines.slice(-TAIL_LINES).join(' | ')}`
    return new LabError(`the guest (kernel ${this.kernel.release}) ${what}; ${tail}. ${todo}`)
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late')
    }, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
