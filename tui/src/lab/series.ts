import { stanzas } from './deb822.js'
import { compareVersions } from './versions.js'

/** One suite of the archive that carries kernels. */
export interface Suite {
  readonly archive: 'debian' | 'security'
  readonly name: string
}

const debian = (name: string): Suite => ({ archive: 'debian', name })
const security = (name: string): Suite => ({ archive: 'security', name })

/** Where each series lives. What is not listed is looked for in the backports, where new kernels come first. */
const HOMES: Readonly<Record<string, readonly Suite[]>> = {
  '5.10': [security('bullseye-security')],
  '6.1': [debian('bookworm'), security('bookworm-security')],
  '6.12': [debian('trixie'), security('trixie-security')],
}

/** Suites to look through for a series, all of them. */
export function suitesOf(series: string): readonly Suite[] {
  return HOMES[series] ?? [debian('trixie-backports')]
}

/** A file of the archive: address relative to the mirror, and what it must hash to. */
export interface Package {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly sha256: string
  readonly sizeBytes: number
  readonly suite: Suite
}

/** A whole kernel: the packages that hold its image and its modules. */
export interface KernelPackages {
  readonly series: string
  /** `uname -r`. */
  readonly release: string
  readonly version: string
  readonly packages: readonly Package[]
}

const KERNEL = /^linux-(image|binary|modules)-(\d+\.\d+[0-9a-z.+]*(?:-[0-9a-z.]+)?-amd64)$/

/** Packages of kernels for ordinary amd64 machines (no cloud, no real-time, no debug ones) in a Packages index. */
export function kernelPackages(index: string, suite: Suite): Package[] {
  const found: Package[] = []
  for (const stanza of stanzas(index)) {
    const name = stanza.get('package') ?? ''
    if (!KERNEL.test(name) || /-(cloud|rt)-/.test(name)) continue
    const filename = stanza.get('filename') ?? ''
    const sha256 = stanza.get('sha256') ?? ''
    if (!/^pool\/[\w./+~-]+\.deb$/.test(filename) || filename.includes('..')) continue
    if (!/^[0-9a-f]{64}$/.test(sha256)) continue
    const version = stanza.get('version') ?? ''
    found.push({ name, version, filename, sha256, sizeBytes: Number(stanza.get('size')), suite })
  }
  return found
}

/**
 * Whole kernels among packages, newest first. Older series have image and modules in `linux-image-*`; newer ones in
 * `linux-binary-*` and `linux-modules-*`, and some of these are in the index without their modules: not whole.
 */
export function wholeKernels(packages: readonly Package[]): KernelPackages[] {
  const byName = new Map<string, Package>()
  for (const one of packages) {
    const known = byName.get(one.name)
    if (!known || compareVersions(one.version, known.version) > 0) byName.set(one.name, one)
  }
  const releases = new Set([...byName.keys()].map((name) => KERNEL.exec(name)?.[2] ?? ''))
  const kernels = [...releases].flatMap((release): KernelPackages[] => {
    const [image, binary, modules] = ['image', 'binary', 'modules'].map((part) =>
      byName.get(`linux-${part}-${release}`),
    )
    const parts = binary || modules ? [binary, modules] : [image]
    const whole = parts.filter((part) => part !== undefined)
    if (whole.length < parts.length) return []
    const { version } = whole[0]
    return [{ series: seriesOf(version), release, version, packages: whole }]
  })
  return kernels.sort((a, b) => compareVersions(b.version, a.version))
}

/** `6.1` of `6.1.192-2`. */
export function seriesOf(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version
}
