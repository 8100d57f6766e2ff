import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { Mirrors } from './apt-sources.js'
import { stanzas } from './deb822.js'
import { LabError, reason } from './error.js'
import type { Package, Suite } from './series.js'

const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-bullseye-security-automatic.gpg',
  '/usr/share/keyrings/debian-archive-bullseye-automatic.gpg',
]
const INDEX = 'main/binary-amd64/Packages.xz'
const INDEX_LIMIT_BYTES = 256 << 20
/** A mirror that sends nothing for so long is given up. */
const STALL_MS = 60_000

export type Say = (line: string) => void

/**
 * Text of a suite's Packages index, trusted: signature of InRelease by Debian's keyring, then hash of the index.
 * `scratch` is a directory of ours for files in between.
 */
export async function fetchIndex(suite: Suite, mirrors: Mirrors, scratch: string, say: Say): Promise<string> {
  const inRelease = join(scratch, `${suite.name}.InRelease`)
  const mirror = await firstThatHas(mirrors[suite.archive], `dists/${suite.name}/InRelease`, inRelease)
  const release = await verified(inRelease, suite)
  const expired = expiry(release, Date.now())
  if (expired !== undefined)
    say(`the index of ${suite.name} expired on ${expired}: the suite gets no updates; its signature holds`)

  const { sha256, sizeBytes } = indexEntry(release, INDEX, suite)
  if (sizeBytes > INDEX_LIMIT_BYTES)
    throw new LabError(`the index of ${suite.name} is too large: ${sizeBytes} bytes`)
  const packed = join(scratch, `${suite.name}.xz`)
  const byHash = `dists/${suite.name}/main/binary-amd64/by-hash/SHA256/${sha256}`
  try {
    await download(`${mirror}/${byHash}`, packed)
  } catch {
    await download(`${mirror}/dists/${suite.name}/${INDEX}`, packed)
  }
  checkHash(packed, sha256, `the index of ${suite.name}`)
  return unpackXz(packed)
}

/** Fetches a package to `path` and checks its hash. */
export async function fetchPackage(wanted: Package, mirrors: Mirrors, path: string): Promise<void> {
  await firstThatHas(mirrors[wanted.suite.archive], wanted.filename, path)
  checkHash(path, wanted.sha256, wanted.name)
}

/** Hash and size that a Release text states for a file. */
export function indexEntry(
  release: string,
  path: string,
  suite: Suite,
): { sha256: string; sizeBytes: number } {
  for (const stanza of stanzas(release)) {
    for (const line of (stanza.get('sha256') ?? '').split('\n')) {
      const [sha256, size, name] = line.split(/\s+/)
      if (name === path && /^[0-9a-f]{64}$/.test(sha256)) return { sha256, sizeBytes: Number(size) }
    }
  }
  throw new LabError(
    `the index of ${suite.name} lists no ${path}: the mirror's copy is damaged. Try another mirror`,
  )
}

/** The date on which a Release text ran out, if it did. */
export function expiry(release: string, nowMs: number): string | undefined {
  for (const stanza of stanzas(release)) {
    const until = stanza.get('valid-until')
    if (until !== undefined && Date.parse(until) < nowMs) return until
  }
  return undefined
}

/** Whether gpgv's status lines show a good signature by a known key that is valid, and no bad one. */
export function signatureHolds(status: string): boolean {
  return /^\[GNUPG:\] GOODSIG /m.test(status) && !/^\[GNUPG:\] BADSIG /m.test(status)
}

async function verified(inRelease: string, suite: Suite): Promise<string> {
  const keyrings = KEYRINGS.filter((path) => existsSync(path))
  if (keyrings.length === 0)
    throw new LabError(
      `cannot check ${suite.name}: ${KEYRINGS[0]} is missing. apt install debian-archive-keyring`,
    )
  const plain = `${inRelease}.signed`
  const args = [
    '--status-fd',
    '1',
    ...keyrings.flatMap((path) => ['--keyring', path]),
    '--output',
    plain,
    inRelease,
  ]
  const { status, missing } = await new Promise<{ status: string; missing: boolean }>((resolve) => {
    // The exit status also speaks of signatures by keys that nobody here has: the status lines decide.
    execFile('gpgv', args, (error, stdout) => {
      resolve({ status: stdout, missing: error !== null && error.code === 'ENOENT' })
    })
  })
  if (missing) throw new LabError(`cannot check ${suite.name}: gpgv is missing. apt install gpgv`)
  if (!signatureHolds(status) || !existsSync(plain)) {
    const why = status.includes(' EXPKEYSIG ') ? 'its keys have expired' : 'no good signature by a Debian key'
    throw new LabError(
      `refusing the index of ${suite.name}: ${why}. Update debian-archive-keyring, or set COWPATH_MIRROR to another mirror`,
    )
  }
  return readFileSync(plain, 'utf8')
}

async function firstThatHas(mirrors: readonly string[], path: string, target: string): Promise<string> {
  const failures: string[] = []
  for (const mirror of mirrors) {
    try {
      await download(`${mirror}/${path}`, target)
      return mirror
    } catch (thrown) {
      failures.push(reason(thrown))
    }
  }
  throw new LabError(
    `cannot fetch ${path}: ${failures.join('; ') || 'no mirror known'}. ` +
      'Check the network, set COWPATH_MIRROR=http://MIRROR/debian, or bring a kernel: --kernel VMLINUZ --modules DIR',
  )
}

async function download(url: string, target: string): Promise<void> {
  const stop = new AbortController()
  let stall = setTimeout(() => {
    stop.abort()
  }, STALL_MS)
  try {
    const response = await fetch(url, { signal: stop.signal })
    if (!response.ok || !response.body) throw new Error(`${url}: HTTP ${response.status}`)
    const body = Readable.fromWeb(response.body)
    body.on('data', () => {
      stall = stall.refresh()
    })
    await pipeline(body, createWriteStream(target))
  } catch (thrown) {
    if (stop.signal.aborted)
      throw new Error(`${url}: nothing came for ${STALL_MS / 1000} s`, { cause: thrown })
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : ''
    throw new Error(reason(thrown).includes(url) ? reason(thrown) : `${url}: ${reason(thrown)}${cause}`, {
      cause: thrown,
    })
  } finally {
    clearTimeout(stall)
  }
}

function checkHash(path: string, sha256: string, what: string): void {
  const found = createHash('sha256').update(readFileSync(path)).digest('hex')
  if (found === sha256) return
  writeFileSync(path, '')
  throw new LabError(`refusing ${what}: its hash is not the signed one. Fetch again, or use another mirror`)
}

async function unpackXz(path: string): Promise<string> {
  const xz = spawn('xz', ['--decompress', '--stdout', path], { stdio: ['ignore', 'pipe', 'ignore'] })
  const failed = new Promise<never>((_, reject) => {
    xz.on('error', () => {
      reject(new LabError('cannot unpack an index: xz is missing. apt install xz-utils'))
    })
  })
  const text = (async () => {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of xz.stdout) {
      if (!Buffer.isBuffer(chunk)) continue
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > INDEX_LIMIT_BYTES) {
        xz.kill('SIGKILL')
        throw new LabError('an index unpacks to more than 256 MiB: refused. Try another mirror')
      }
    }
    return Buffer.concat(chunks).toString('utf8')
  })()
  return Promise.race([text, failed])
}
