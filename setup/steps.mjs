// What `npm start`, `npm test` and `npm run setup` do before they begin. Plain Node: nothing is installed yet.
// Every step looks first whether there is anything to do: the second run takes a second or two.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cowpath')

/** What has to be there, how to see that it is, and the Debian package that brings it. */
const NEEDS = [
  { package: 'clang-19', use: ['run', 'test'], found: () => command('clang-19') || command('clang') },
  { package: 'gcc', use: ['run', 'test'], found: () => command('gcc') },
  { package: 'g++', use: ['run', 'test'], found: () => command('g++') },
  { package: 'make', use: ['run', 'test'], found: () => command('make') },
  { package: 'pkg-config', use: ['run', 'test'], found: () => command('pkg-config') },
  { package: 'libc6-dev', use: ['run', 'test'], found: () => library('libc.a') },
  { package: 'libelf-dev', use: ['run', 'test'], found: () => library('libelf.a') },
  { package: 'zlib1g-dev', use: ['run', 'test'], found: () => library('libz.a') },
  { package: 'protobuf-compiler', use: ['run', 'test'], found: () => command('protoc') },
  { package: 'qemu-system-x86', use: ['run', 'test'], found: () => command('qemu-system-x86_64') },
  { package: 'busybox-static', use: ['run', 'test'], found: () => command('busybox') },
  { package: 'gpgv', use: ['run', 'test'], found: () => command('gpgv') },
  {
    package: 'debian-archive-keyring',
    use: ['run', 'test'],
    found: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg'),
  },
  { package: 'e2fsprogs', use: ['run', 'test'], found: () => command('mke2fs') },
  { package: 'xz-utils', use: ['run', 'test'], found: () => command('xz') },
  { package: 'python3', use: ['run', 'test'], found: () => command('python3') },
  { package: 'clang-format-19', use: ['test'], found: () => command('clang-format-19') },
  { package: 'tmux', use: ['test'], found: () => command('tmux') },
  { package: 'sqlite3', use: ['test'], found: () => command('sqlite3') },
  { package: 'mmdebstrap', use: ['test'], found: () => command('mmdebstrap') },
  { package: 'cpio', use: ['test'], found: () => command('cpio') },
  { package: 'python3-pip', use: ['test'], found: () => command('pip3') },
]

/** A step that failed; its message is one line for the reader. */
export class SetupError extends Error {}

export function say(text) {
  process.stderr.write(`cowpath setup: ${text}\n`)
}

function command(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      // not in this folder
    }
  }
  return false
}

function library(name) {
  return ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].some((folder) =>
    existsSync(join(folder, name)),
  )
}

/** Runs quietly into a log of its own; a dot a few seconds on a terminal; the log's end if it fails. */
export async function quietly(what, program, args, options = {}) {
  mkdirSync(cache, { recursive: true })
  const logFile = join(cache, `setup-${what.replaceAll(/[^a-z]+/gi, '-')}.log`)
  const log = openSync(logFile, 'w')
  const started = Date.now()
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', log, log], ...options })
  const still = setInterval(
    () => say(`${what}: still at it after ${Math.round((Date.now() - started) / 1000)} s`),
    30_000,
  )
  const status = await new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new SetupError(`${what}: cannot run ${program}: ${cause.message}`)))
    child.once('close', (code, signal) => resolve(code ?? signal))
  }).finally(() => clearInterval(still))
  if (status !== 0) {
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-25).join('\n')
    throw new SetupError(`${what} failed (${program}, status ${status}). The end of ${logFile}:\n${tail}`)
  }
}

export async function systemPackages(use) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError(
      `this is ${process.platform} on ${process.arch}: cowpath builds and runs on x86-64 Linux`,
    )
  const missing = NEEDS.filter((need) => need.use.includes(use) && !need.found()).map((need) => need.package)
  if (missing.length === 0) return
  const line = `apt-get install --no-install-recommends ${missing.join(' ')}`
  if (!command('apt-get'))
    throw new SetupError(
      `these are missing: ${missing.join(', ')} (Debian's names). Install them, then try again`,
    )
  const asRoot = process.getuid() === 0 ? [] : passwordlessSudo()
  if (!asRoot) throw new SetupError(`needs system packages and may not install them. Run: sudo ${line}`)
  say(`installing system packages: ${missing.join(' ')}`)
  const environment = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const apt = (...args) => {
    const [program, ...rest] = [...asRoot, 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args]
    return quietly('system packages', program, rest, environment)
  }
  await apt('update')
  await apt('install', '--no-install-recommends', ...missing)
}

function passwordlessSudo() {
  try {
    execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
    return ['sudo', '-n']
  } catch {
    return undefined
  }
}

export async function nodePackages() {
  const stamp = join(root, 'node_modules', '.cowpath-installed')
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.version)
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('installing npm packages (better-sqlite3 may compile for a minute)')
  // Node's own headers, where the distribution ships them, spare node-gyp a download.
  const headers = existsSync('/usr/include/node/node.h') ? { npm_config_nodedir: '/usr' } : {}
  await quietly('npm packages', 'npm', ['ci', '--no-fund', '--no-audit'], {
    env: { ...process.env, ...headers },
  })
  writeFileSync(stamp, wanted)
}

export async function client() {
  await quietly('generated code', process.execPath, [join(root, 'setup/generate.mjs')])
  await quietly('client', process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    root,
    '--incremental',
  ])
}

/** The static agent. Cargo knows itself what is fresh. */
export async function agent() {
  if (!command('cargo'))
    throw new SetupError(
      "no cargo: cowpath needs a Rust toolchain (1.85 or newer). Install rustup or Debian's cargo, then try again",
    )
  if (!existsSync(agentBinary())) say('building the agent (the first time takes some minutes)')
  await quietly('agent', 'cargo', ['build', '--release', '--locked', '-q', '-p', 'cowpath-agent'])
}

/** Perfetto's own message classes, which read our traces back. Where they cannot be had, that one test says so and is skipped. */
export async function perfettoClasses() {
  const requirements = join(root, 'setup/perfetto-requirements.txt')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const folder = join(cache, 'perfetto')
  const stamp = join(folder, 'installed-of')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  const options = ['--no-deps', '--require-hashes', '--only-binary=:all:', '--disable-pip-version-check']
  try {
    const into = ['--target', folder, '--upgrade']
    await quietly("Perfetto's classes", 'pip3', ['install', '-q', ...options, ...into, '-r', requirements])
    writeFileSync(stamp, wanted)
  } catch (cause) {
    if (!(cause instanceof SetupError)) throw cause
    say("Perfetto's published classes cannot be fetched: the test that reads our traces with them is skipped")
  }
}

export function agentBinary() {
  return join(root, 'target/x86_64-unknown-linux-gnu/release/cowpath-agent')
}
