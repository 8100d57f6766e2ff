import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findMirrors, type Mirrors } from './apt-sources.js'
import { fetchIndex, fetchPackage, type Say } from './archive.js'
import { LabError, reason } from './error.js'
import { withLock } from './lock.js'
import { kernelPackages, suitesOf, wholeKernels, type KernelPackages } from './series.js'

/** A kernel ready to boot. `modules` is its lib/modules/RELEASE; absent for an image without modules. */
export interface Kernel {
  readonly image: string
  readonly modules?: string
  /** What to call it: `uname -r` where known, else the path. */
  readonly release: string
}

/** The manifest beside a cached kernel, written last: its presence means that all is there. */
interface Manifest {
  readonly series: string
  readonly release: string
  readonly version: string
  readonly fetched: string
  readonly packages: readonly { name: string; version: string; sha256: string }[]
  readonly vmlinuz_sha256: string
}

export interface KernelChoice {
  /** A series (`6.1`) or the path of an image. */
  readonly kernel: string
  /** Directory of modules for an image of one's own. */
  readonly modules?: string
  /** Look for a newer one of the series although one is cached. */
  readonly refresh?: boolean
}

const run = promisify(execFile)

/** The directory under which the lab caches. */
export function cacheDirectory(env = process.env): string {
  const set = env['COWPATH_CACHE']
  if (set !== undefined && set !== '') return set
  const base = env['XDG_CACHE_HOME']
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'cowpath')
}

/**
 * The kernel that was asked for: an image of one's own as it is, a series from the cache or, the first time, from the
 * archive. `say` hears of slow steps.
 */
export async function resolveKernel(choice: KernelChoice, say: Say): Promise<Kernel> {
  if (!/^\d+\.\d+$/.test(choice.kernel)) return ownKernel(choice)
  const { kernel: series, refresh = false } = choice
  const home = join(cacheDirectory(), 'kernels')
  const place = join(home, series)
  const cached = cachedKernel(place)
  if (cached && !refresh) return withModules(cached, choice)
  try {
    mkdirSync(home, { recursive: true })
  } catch (thrown) {
    throw new LabError(
      `cannot cache kernels in ${home}: ${reason(thrown)}. Set COWPATH_CACHE to a directory of yours`,
    )
  }
  const kernel = await withLock(
    `${place}.lock`,
    () => {
      say(`waiting for another cowpath that is fetching kernel ${series}`)
    },
    async () => {
      const meanwhile = cachedKernel(place)
      if (meanwhile && !refresh) return meanwhile
      await fetchKernel(series, home, place, findMirrors(), say)
      const fetched = cachedKernel(place)
      if (!fetched)
        throw new LabError(
          `kernel ${series} was fetched into ${place} but is not whole. Remove it and try again`,
        )
      return fetched
    },
  )
  return withModules(kernel, choice)
}

function ownKernel({ kernel, modules }: KernelChoice): Kernel {
  if (!existsSync(kernel)) {
    throw new LabError(
      `there is no kernel ${kernel}: neither a series (5.10, 6.1, 6.12, 6.18, 7.2) nor a file. Check --kernel`,
    )
  }
  if (modules === undefined) return { image: kernel, release: kernel }
  return { image: kernel, modules: modulesRoot(modules), release: kernel }
}

function withModules(kernel: Kernel, { modules }: KernelChoice): Kernel {
  return modules === undefined ? kernel : { ...kernel, modules: modulesRoot(modules) }
}

/** The directory of one kernel's modules: the one given, or the one at lib/modules below it. */
function modulesRoot(directory: string): string {
  const below = join(directory, 'lib', 'modules')
  const releases = existsSync(below) ? readdirSync(below).map((name) => join(below, name)) : []
  const root = [directory, ...releases].find((path) => existsSync(join(path, 'kernel')))
  if (root !== undefined) return root
  throw new LabError(`no kernel modules in ${directory}. Point --modules at a lib/modules/RELEASE`)
}

function cachedKernel(place: string): Kernel | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8')) as Partial<Manifest> // ours; checked below
    const { release } = manifest
    if (typeof release !== 'string') return undefined
    const kernel = { image: join(place, 'vmlinuz'), modules: join(place, 'lib', 'modules', release), release }
    return existsSync(kernel.image) && existsSync(join(kernel.modules, 'kernel')) ? kernel : undefined
  } catch {
    return undefined
  }
}

async function fetchKernel(
  series: string,
  home: string,
  place: string,
  mirrors: Mirrors,
  say: Say,
): Promise<void> {
  const scratch = mkdtempSync(join(home, `.${series}-`))
  const removeScratch = (): void => {
    rmSync(scratch, { recursive: true, force: true })
  }
  process.once('exit', removeScratch)
  try {
    const chosen = await newest(series, mirrors, scratch, say)
    const made = join(scratch, 'kernel')
    await unpackKernel(chosen, mirrors, scratch, made, say)
    const manifest: Manifest = {
      series,
      release: chosen.release,
      version: chosen.version,
      fetched: new Date().toISOString(),
      packages: chosen.packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
      vmlinuz_sha256: createHash('sha256')
        .update(readFileSync(join(made, 'vmlinuz')))
        .digest('hex'),
    }
    writeFileSync(join(made, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    if (existsSync(place)) renameSync(place, join(scratch, 'old'))
    renameSync(made, place)
  } finally {
    removeScratch()
    process.removeListener('exit', removeScratch)
  }
}

async function newest(series: string, mirrors: Mirrors, scratch: string, say: Say): Promise<KernelPackages> {
  const all = []
  for (const suite of suitesOf(series)) {
    say(`reading the index of ${suite.name}`)
    all.push(...kernelPackages(await fetchIndex(suite, mirrors, scratch, say), suite))
  }
  const kernels = wholeKernels(all)
  const found = kernels.find((kernel) => kernel.series === series)
  if (found) return found
  const others = [...new Set(kernels.map((kernel) => kernel.series))]
  const where = suitesOf(series)
    .map(({ name }) => name)
    .join(', ')
  throw new LabError(
    `kernel ${series} is not (or no longer) in ${where}. ` +
      (others.length > 0
        ? `There: ${others.join(', ')}; use --kernel ${others[0]}`
        : 'Use another series, or --kernel VMLINUZ'),
  )
}

async function unpackKernel(
  chosen: KernelPackages,
  mirrors: Mirrors,
  scratch: string,
  target: string,
  say: Say,
): Promise<void> {
  const tree = join(scratch, 'tree')
  mkdirSync(tree)
  for (const wanted of chosen.packages) {
    say(`fetching ${wanted.name} ${wanted.version} (${Math.round(wanted.sizeBytes / 1e6)} MB)`)
    const deb = join(scratch, 'package.deb')
    await fetchPackage(wanted, mirrors, deb)
    await unpackDeb(deb, tree)
  }
  const libraries = [join(tree, 'lib', 'modules'), join(tree, 'usr', 'lib', 'modules')].find((path) =>
    existsSync(path),
  )
  const release =
    libraries === undefined ? undefined : readdirSync(libraries).find((name) => name === chosen.release)
  const image = [
    join(tree, 'boot', `vmlinuz-${chosen.release}`),
    ...(libraries === undefined ? [] : [join(libraries, chosen.release, 'vmlinuz')]),
  ].find((path) => existsSync(path))
  if (libraries === undefined || release === undefined || image === undefined) {
    throw new LabError(
      `the packages of ${chosen.release} hold no image with modules: ${chosen.packages.map(({ name }) => name).join(', ')}`,
    )
  }
  mkdirSync(join(target, 'lib', 'modules'), { recursive: true })
  renameSync(image, join(target, 'vmlinuz'))
  renameSync(join(libraries, release), join(target, 'lib', 'modules', release))
}

/** Unpacks all but documentation: image and modules are all that these packages hold beside it. */
async function unpackDeb(deb: string, tree: string): Promise<void> {
  const command = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-owner --exclude=./usr/share'
  try {
    await run('sh', ['-c', command, 'sh', deb, tree])
  } catch (thrown) {
    throw new LabError(
      `cannot unpack a kernel package: ${reason(thrown).trim()}. It needs dpkg-deb, tar and free disk space`,
    )
  }
}
