import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { stanzas, words } from './deb822.js'
import { LabError } from './error.js'

/** Base addresses to try, best first: the ordinary archive and the one of security updates. */
export interface Mirrors {
  readonly debian: readonly string[]
  readonly security: readonly string[]
}

export interface Source {
  readonly uri: string
  readonly suite: string
}

const SUITE =
  /^(buster|bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable|oldoldstable)(-[a-z-]+)?(\/updates)?$/

/** Binary-package sources of a one-line style file (`deb [options] URI SUITE COMPONENT..`). */
export function parseOneLine(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)/.exec(line)
    return match ? [{ uri: bare(match[1]), suite: match[2] }] : []
  })
}

/** Binary-package sources of a deb822 style file. */
export function parseDeb822(text: string): Source[] {
  const found: Source[] = []
  for (const stanza of stanzas(text)) {
    if (/^(no|false|0|off|disable)$/i.test(stanza.get('enabled') ?? 'yes')) continue
    if (!words(stanza.get('types')).includes('deb')) continue
    for (const uri of words(stanza.get('uris')))
      for (const suite of words(stanza.get('suites'))) found.push({ uri: bare(uri), suite })
  }
  return found
}

/**
 * Mirrors to use: `COWPATH_MIRROR` ("ARCHIVE [SECURITY]"), else what apt on this host is told. Where only one of the
 * two is known the other is looked for beside it, as mirrors lay them out (`.../debian` and `.../debian-security`).
 * @throws LabError when the host names no Debian mirror.
 */
export function findMirrors(env = process.env, aptDirectory = '/etc/apt'): Mirrors {
  const [archive, security] = words(env['COWPATH_MIRROR']) as (string | undefined)[] // may be empty
  if (archive !== undefined) {
    return security === undefined
      ? complete([bare(archive)], [])
      : { debian: [bare(archive)], security: [bare(security)] }
  }

  const sources = readSources(aptDirectory).filter(
    ({ uri, suite }) => /^https?:\/\//.test(uri) && SUITE.test(suite),
  )
  const isSecurity = ({ uri, suite }: Source): boolean =>
    /-security$|\/updates$/.test(suite) || /debian-security$/.test(uri)
  const mirrors = complete(
    unique(sources.filter((source) => !isSecurity(source)).map(({ uri }) => uri)),
    unique(sources.filter(isSecurity).map(({ uri }) => uri)),
  )
  if (mirrors.debian.length > 0 || mirrors.security.length > 0) return mirrors
  throw new LabError(
    `cannot tell where to fetch kernels: ${aptDirectory} names no Debian mirror. ` +
      'Set COWPATH_MIRROR=http://MIRROR/debian, or bring a kernel: --kernel VMLINUZ --modules DIR',
  )
}

function complete(debian: string[], security: string[]): Mirrors {
  const besides = debian.map((uri) => uri.replace(/\/debian$/, '/debian-security')).filter(notIn(debian))
  const around = security.map((uri) => uri.replace(/\/debian-security$/, '/debian')).filter(notIn(security))
  return { debian: unique([...debian, ...around]), security: unique([...security, ...besides]) }
}

function readSources(directory: string): Source[] {
  const parts = join(directory, 'sources.list.d')
  const files = [join(directory, 'sources.list'), ...list(parts).map((name) => join(parts, name))]
  return files.flatMap((file) => {
    if (file.endsWith('.list')) return parseOneLine(read(file))
    if (file.endsWith('.sources')) return parseDeb822(read(file))
    return []
  })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // absent or not for us to read: another file may name the mirror
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

function bare(uri: string): string {
  return uri.replace(/\/+$/, '')
}

function unique(all: string[]): string[] {
  return [...new Set(all)]
}

function notIn(all: string[]): (uri: string) => boolean {
  return (uri) => !all.includes(uri)
}
