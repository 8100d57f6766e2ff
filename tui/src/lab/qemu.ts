import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs'
import { createServer } from 'node:net'

import { LabError } from './error.js'

export type Accelerator = 'kvm' | 'tcg'

/** The machine to start. Paths are of this host. */
export interface Machine {
  readonly accelerator: Accelerator
  readonly image: string
  readonly initrd: string
  /** Unix sockets on which we listen: QEMU connects its serial lines to them. */
  readonly consoleSocket: string
  readonly channelSocket: string
  /** Port on this host's loopback that leads to the guest's relay; absent: no network card at all. */
  readonly port?: number
  readonly memory: string
  readonly cpus: number
  readonly icount: boolean
  readonly disk?: string
  readonly nodes: number
  readonly extra: readonly string[]
  readonly append: string
}

const PROGRAM = 'qemu-system-x86_64'
/**
 * On a busy host the kernel panicked in setup_IO_APIC() while it booted (seen with 6.18), where it tries whether
 * the emulated timer ticks. It need not ask.
 */
const KERNEL_WORDS = 'console=ttyS0 quiet panic=-1 no_timer_check'
const DISK = /^(.+?)(?:,throttle=(\d+))?$/

/** Arguments of QEMU for a machine. */
export function qemuArguments(machine: Machine): string[] {
  const { accelerator, icount, cpus } = machine
  const threads = accelerator === 'tcg' && !icount && cpus > 1 ? ',thread=multi' : ''
  return [
    ...['-accel', `${accelerator}${threads}`],
    // The default CPU model: others count instructions differently (string operations) and so spoil comparisons.
    ...(icount ? ['-icount', 'shift=0,sleep=off'] : []),
    ...['-smp', String(cpus), '-m', machine.memory],
    ...(machine.nodes === 1 ? [] : nodeArguments(machine.nodes, machine.memory)),
    ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-nodefaults'],
    ...['-chardev', `socket,id=console,path=${machine.consoleSocket}`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=channel,path=${machine.channelSocket}`, '-serial', 'chardev:channel'],
    ...networkArguments(machine.port),
    ...(machine.disk === undefined ? [] : diskArguments(machine.disk)),
    ...['-kernel', machine.image, '-initrd', machine.initrd],
    ...['-append', `${KERNEL_WORDS} ${machine.append}`.trim()],
    ...machine.extra,
  ]
}

/** Modules of the guest's kernel that the machine's own devices need. */
export function machineModules(
  machine: { readonly disk?: string | undefined },
  network: 'network' | 'none',
): string[] {
  return [
    ...(network === 'network' ? ['e1000'] : []),
    ...(machine.disk === undefined ? [] : ['virtio_pci', 'virtio_blk']),
  ]
}

/** Equal shares: QEMU wants each node's memory named, and their sum to be the machine's. */
function nodeArguments(nodes: number, memory: string): string[] {
  const megabytes = Number(memory.slice(0, -1)) * (memory.endsWith('G') ? 1024 : 1)
  if (megabytes % nodes !== 0)
    throw new LabError(
      `${memory} of memory cannot be shared out to ${nodes} nodes. Check --memory and --nodes`,
    )
  return Array.from({ length: nodes }, (_, node) => [
    ...['-object', `memory-backend-ram,id=node${node},size=${megabytes / nodes}M`],
    ...['-numa', `node,nodeid=${node},memdev=node${node}`],
  ]).flat()
}

/** Cut off from all but the one port: what runs in the guest reaches nobody. */
function networkArguments(port: number | undefined): string[] {
  if (port === undefined) return ['-nic', 'none']
  const netdev = `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:7070`
  return ['-netdev', netdev, '-device', 'e1000,netdev=net,romfile=']
}

/** A copy-on-write view of the image: the file itself is never written. */
function diskArguments(given: string): string[] {
  const [, path, throttle] = DISK.exec(given) ?? ['', given, undefined]
  if (!existsSync(path))
    throw new LabError(`there is no disk image ${path}. Check --disk IMAGE[,throttle=BYTES]`)
  const limit = throttle === undefined ? '' : `,throttling.bps-total=${throttle}`
  const drive = `file=${path.replaceAll(',', ',,')},format=${imageFormat(path)},if=none,id=disk,snapshot=on${limit}`
  return ['-drive', drive, '-device', 'virtio-blk-pci,drive=disk']
}

function imageFormat(path: string): 'qcow2' | 'raw' {
  const magic = Buffer.alloc(4)
  const file = openSync(path, 'r')
  readSync(file, magic, 0, 4, 0)
  closeSync(file)
  return magic.toString('latin1') === 'QFI\xfb' ? 'qcow2' : 'raw'
}

/** Splits a string of arguments as a shell does, with quotes and backslashes but nothing else of it. */
export function splitArguments(text: string): string[] {
  const found = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs) ?? []
  return found.map((one) =>
    one.replace(
      /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs,
      (_, double?: string, single?: string, plain?: string) =>
        single ?? plain ?? (double ?? '').replace(/\\(.)/gs, '$1'),
    ),
  )
}

/** QEMU on this host. @throws LabError with the package to install. */
export function findQemu(env = process.env): string {
  const folders = (env['PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const path = folders.map((folder) => `${folder}/${PROGRAM}`).find(executable)
  if (path !== undefined) return path
  throw new LabError(`cannot boot a guest: ${PROGRAM} is not installed. apt install qemu-system-x86`)
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A port on loopback that is free now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => {
        resolve(port)
      })
    })
  })
}
