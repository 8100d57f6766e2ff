/**
 * The live screen under load: an agent's synthetic source in its own process, gRPC, `cowpath live` in a pseudo-terminal of
 * util-linux's script(1), and here a headless terminal that types and watches.
 *
 * Usage: node tui/dist/bench/screen.js [SECONDS [FLOOD_SECONDS]]
 * 1440 seconds of the flood are an hour's events at the rate.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findProgram, requireAgent } from '../commands/agent-binary.js'
import { VIEWS } from '../screen/views.js'
import { HeadlessTerminal } from './headless-terminal.js'
import type { Probed } from './screen-probe.js'
import { printTable, type Row } from './table.js'

const SIZE = { columns: 200, rows: 50 } as const
const RATE = 100_000
/** About what the reader takes without a loss, beside an agent on the other core. */
const FLOOD = 250_000
/** Pages of each of up to six processes. */
const PAGES = 100_000
const REFRESH_MS = 100
const WARM_UP_MS = 5000
const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
const PROBE = fileURLToPath(new URL('./screen-probe.js', import.meta.url))

/** A program in a pseudo-terminal, and what it shows. */
class Shown {
  readonly screen = new HeadlessTerminal(SIZE.columns, SIZE.rows)
  readonly #child: ChildProcessWithoutNullStreams
  #seen: () => void = () => undefined

  constructor(command: string, env: NodeJS.ProcessEnv) {
    const sized = `stty cols ${SIZE.columns} rows ${SIZE.rows}; exec ${command}`
    this.#child = spawn('script', ['-qfc', sized, '/dev/null'], {
      env: { ...process.env, ...env, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' },
    })
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.screen.write(bytes)
      this.#seen()
    })
  }

  type(text: string): void {
    this.#child.stdin.write(text)
  }

  /** ms until the screen is as wanted; Infinity: it never was. */
  async until(wanted: (screen: HeadlessTerminal) => boolean, patienceMs = 10_000): Promise<number> {
    const from = performance.now()
    if (wanted(this.screen)) return 0
    const patience = new AbortController()
    const met = new Promise<number>((resolve) => {
      this.#seen = () => {
        if (wanted(this.screen)) resolve(performance.now() - from)
      }
    })
    const late = sleep(patienceMs, Infinity, { signal: patience.signal }).catch(() => Infinity)
    const took = await Promise.race([met, late])
    patience.abort()
    this.#seen = () => undefined
    return took
  }

  async end(keys: string): Promise<void> {
    this.type(keys)
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
  }
}

interface Measured extends Probed {
  readonly keysMs: readonly number[]
  /** The header at the end: what was lost, how many events came. */
  readonly header: string
}

/** `cowpath live` on a synthetic agent of that rate. */
async function measure(rate: number, seconds: number, typing: 'keys' | 'no keys'): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  mkdirSync(join(folder, 'cowpath'))
  writeFileSync(join(folder, 'cowpath/config.json'), JSON.stringify({ refresh_ms: REFRESH_MS }))
  const socket = join(folder, 'agent.sock')
  const source = `synthetic:${rate}:${PAGES}`
  const listen = [
    'serve',
    '--listen',
    `unix://${socket}`,
    '--ring',
    '64M',
    '--replay',
    '64M',
    '--source',
    source,
  ]
  const agent = spawn(requireAgent(process.env), listen, { stdio: 'ignore' })
  try {
    for (let tries = 0; !existsSync(socket) && tries < 200; tries++) await sleep(20)
    const file = join(folder, 'probed.json')
    const live = new Shown(`${process.execPath} --import ${PROBE} ${MAIN} live unix://${socket}`, {
      XDG_CONFIG_HOME: folder,
      COWPATH_PROBE: file,
    })
    const began = await live.until((screen) => screen.row(0).includes('connected'))
    if (began === Infinity) throw new Error(`the screen never connected: ${live.screen.row(0)}`)
    await sleep(WARM_UP_MS)
    const pid = Number(readFileSync(`${file}.pid`, 'utf8'))
    process.kill(pid, 'SIGUSR2')
    const until = performance.now() + seconds * 1000
    const keysMs = typing === 'keys' ? await typeUntil(live, until) : (await sleep(seconds * 1000), [])
    process.kill(pid, 'SIGUSR2')
    for (let tries = 0; !existsSync(file) && tries < 200; tries++) await sleep(50)
    await sleep(100)
    const header = `${live.screen.row(0).trim()}; ${live.screen.row(1).trim()}`
    await live.end('q')
    return { ...(JSON.parse(readFileSync(file, 'utf8')) as Probed), keysMs, header } // by our probe
  } finally {
    agent.kill('SIGTERM')
    if (agent.exitCode === null) await once(agent, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Opens view after view, and types on the command line: ms from each key to its effect on the screen. */
async function typeUntil(live: Shown, until: number): Promise<readonly number[]> {
  const took: number[] = []
  const press = async (key: string, effect: (screen: HeadlessTerminal) => boolean) => {
    await sleep(37)
    live.type(key)
    took.push(await live.until(effect))
  }
  const last = (screen: HeadlessTerminal) => screen.row(SIZE.rows - 1).trimEnd()
  for (let turn = 0; performance.now() < until; turn++) {
    const at = turn % VIEWS.length
    await press(`${at + 1}`, (screen) => screen.row(2).includes(`[${at + 1} ${VIEWS[at]}`))
    await press(':', (screen) => last(screen) === ':')
    await press('x', (screen) => last(screen) === ':x')
    await press('\x15', (screen) => last(screen) === ':')
    await press('\x7f', (screen) => last(screen).startsWith('q quit'))
  }
  return took
}

/** CPU of btop over as many seconds, its refresh the same; undefined where it is not installed. */
async function measureBtop(seconds: number): Promise<number | undefined> {
  if (findProgram('btop', process.env) === null) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  mkdirSync(join(folder, 'btop'))
  writeFileSync(join(folder, 'btop/btop.conf'), `#? Config file for btop\nupdate_ms=${REFRESH_MS}\n`)
  const pidFile = join(folder, 'pid')
  try {
    const btop = new Shown(`sh -c 'echo $$ > ${pidFile}; exec btop --utf-force'`, { XDG_CONFIG_HOME: folder })
    await sleep(WARM_UP_MS)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    const before = ticksOf(pid)
    await sleep(seconds * 1000)
    const ticks = ticksOf(pid) - before
    await btop.end('q')
    return ticks / seconds
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** User and system time in clock ticks of 10 ms (proc_pid_stat(5), fields 14 and 15), so that a tick a second is 1 %. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return Number(fields[11]) + Number(fields[12])
}

export const SCREEN_TITLE = `live screen, ${SIZE.columns}x${SIZE.rows}, ${RATE} events/s arriving`

/** What comes at 2.5 times the rate in `floodSeconds` stands for the 360 M events of an hour, by memory being flat. */
export async function benchScreen(seconds: number, floodSeconds = 5 * seconds): Promise<readonly Row[]> {
  if (findProgram('script', process.env) === null)
    return [{ what: 'live screen', figure: 'not measured', beside: 'needs script(1) of util-linux' }]
  const steady = await measure(RATE, seconds, 'keys')
  const btop = await measureBtop(Math.min(seconds, 10))
  const flood = await measure(FLOOD, floodSeconds, 'no keys')
  const keys = [...steady.keysMs].sort((a, b) => a - b)
  const percentile = (part: number) => ms(keys[Math.min(keys.length - 1, Math.floor(part * keys.length))])
  const resident = flood.residentBytes
  const quarter = resident.slice(0, resident.length >> 2)
  const last = resident.slice(-quarter.length)
  return [
    {
      what: 'frames',
      figure: `${(steady.frames / steady.seconds).toFixed(1)} /s`,
      beside: `one every ${REFRESH_MS} ms, and two a key; at the end: ${steady.header}`,
    },
    {
      what: 'longest stall of the main thread, its own CPU time',
      figure: ms(steady.longestTurnMs),
      beside: `99.9 % of turns: ${ms(steady.turnP999Ms)}`,
    },
    {
      what: 'longest stall by the clock',
      figure: ms(steady.longestStallMs),
      beside: `99.9 %: ${ms(steady.stallP999Ms)}; the thread was kept waiting for a processor for ${((100 * steady.waitedSeconds) / steady.seconds).toFixed(0)} % of the time`,
    },
    {
      what: 'key to screen by the clock, 99 %',
      figure: percentile(0.99),
      beside: `50 %: ${percentile(0.5)}, longest ${ms(keys[keys.length - 1])}, ${keys.length} keys`,
    },
    {
      what: 'CPU, all threads',
      figure: `${((100 * steady.cpuSeconds) / steady.seconds).toFixed(0)} %`,
      beside:
        btop === undefined ? 'btop is not installed here' : `btop at the same refresh: ${btop.toFixed(0)} %`,
    },
    {
      what: 'resident at most, while the agent makes 2.5 times as much',
      figure: mb(Math.max(...resident)),
      beside: `mean of the first quarter ${mb(mean(quarter))}, of the last ${mb(mean(last))}; at the end: ${flood.header}`,
    },
  ]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = 20, floodSeconds = 5 * seconds] = process.argv.slice(2).map(Number)
  printTable(SCREEN_TITLE, await benchScreen(seconds, floodSeconds))
}
