import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { section } from './elf.js'
import { LabError, reason } from './error.js'

/** A module to be loaded: its name and the unpacked object. */
export interface Module {
  readonly name: string
  readonly object: Buffer
}

const MODULE_LIMIT_BYTES = 256 << 20

/**
 * The modules named and what they depend on, each once, in load order. Dependencies are read from the modules
 * themselves (`depends=` and `softdep=pre:` in .modinfo), since packages bring no modules.dep; what is built into the
 * kernel needs no loading. Of `ifModular` those are taken that this kernel has as modules: 7.x comes without
 * modules.builtin, so that nothing tells what is built in from what is not there.
 * @throws LabError for a module that this kernel does not have.
 */
export function modulesInOrder(
  root: string | undefined,
  wanted: readonly string[],
  ifModular: readonly string[] = [],
): Module[] {
  if (root === undefined) {
    if (wanted.length === 0) return []
    throw new LabError(
      `cannot load ${wanted.join(', ')}: the kernel came without modules. Add --modules lib/modules/RELEASE`,
    )
  }
  const files = moduleFiles(root)
  const builtin = builtinModules(root)
  const loaded = new Map<string, Module>()
  const visiting = new Set<string>()

  const visit = (given: string, neededBy: string | undefined): void => {
    const name = canonical(given)
    if (loaded.has(name) || builtin.has(name) || visiting.has(name)) return
    const file = files.get(name)
    if (file === undefined) throw new LabError(missing(name, neededBy, root))
    visiting.add(name)
    const object = readModule(file)
    const info = moduleInfo(object)
    for (const soft of info.softBefore) {
      const real = softNames(soft).find((one) => files.has(one) && !builtin.has(one))
      if (real !== undefined) visit(real, name)
    }
    for (const dependency of info.depends) visit(dependency, name)
    visiting.delete(name)
    loaded.set(name, { name, object })
  }
  for (const name of ifModular) if (files.has(canonical(name))) visit(name, undefined)
  for (const name of wanted) visit(name, undefined)
  return [...loaded.values()]
}

/** What a module says of itself. */
export function moduleInfo(object: Buffer): { depends: string[]; softBefore: string[] } {
  const fields = (section(object, '.modinfo') ?? Buffer.alloc(0)).toString('latin1').split('\0')
  const valuesOf = (key: string): string[] =>
    fields.filter((field) => field.startsWith(`${key}=`)).map((field) => field.slice(key.length + 1))
  const softBefore = valuesOf('softdep').flatMap((soft) => {
    const [, pre = ''] = /\bpre:\s*((?:(?!post:)\S+\s*)*)/.exec(soft) ?? []
    return pre.split(/\s+/)
  })
  const named = (name: string): boolean => name !== ''
  return {
    depends: valuesOf('depends')
      .flatMap((all) => all.split(','))
      .filter(named),
    softBefore: softBefore.filter(named),
  }
}

/** A soft dependency may name an algorithm (`crypto-crc32c`), which a module named after it offers. */
function softNames(soft: string): string[] {
  const algorithm = soft.replace(/^crypto-/, '')
  return [soft, algorithm, `${algorithm}_generic`].map(canonical)
}

function moduleFiles(root: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const match = /^(.*)\.ko(\.xz|\.gz)?$/.exec(basename(path))
    if (match) files.set(canonical(match[1]), join(root, path))
  }
  return files
}

function builtinModules(root: string): Set<string> {
  const list = join(root, 'modules.builtin')
  const lines = existsSync(list) ? readFileSync(list, 'utf8').split('\n') : []
  return new Set(lines.map((line) => canonical(basename(line, '.ko'))))
}

function readModule(file: string): Buffer {
  try {
    if (file.endsWith('.xz')) return execFileSync('xz', ['-dc', file], { maxBuffer: MODULE_LIMIT_BYTES })
    const bytes = readFileSync(file)
    return file.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: MODULE_LIMIT_BYTES }) : bytes
  } catch (thrown) {
    throw new LabError(
      `cannot read the module ${file}: ${reason(thrown)}. Fetch the kernel again: --refresh (and apt install xz-utils)`,
    )
  }
}

function missing(name: string, neededBy: string | undefined, root: string): string {
  const why = neededBy === undefined ? '' : `, which ${neededBy} needs`
  return `kernel ${basename(root)} has no module ${name}${why}. If it is built in, leave it out; else check --module`
}

function canonical(name: string): string {
  return name.replaceAll('-', '_')
}
