import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { BPFTRACE_ROOT, debianRoot, SYSTEMD_ROOT, USERS_ROOT } from './debian.js'
import { LabError, reason } from './error.js'
import { cacheDirectory } from './kernels.js'

const run = promisify(execFile)

const DATA_DISK = /^(ext4|debian|bpftrace|systemd)(?=,|$)/
const PATTERN_BYTES = 4 << 20

/** An image, and what to make in the new folder that it is to hold. */
interface Recipe {
  /** A new name for what the image holds: old ones in the cache are then left alone. */
  readonly name: string
  readonly bytes: number
  readonly fill: (content: string) => Promise<void>
}

const PATTERN: Recipe = {
  name: 'data-1.ext4',
  bytes: 32 << 20,
  fill: (content) => {
    mkdirSync(content)
    writeFileSync(join(content, 'pattern'), Buffer.alloc(PATTERN_BYTES, 'D'))
    return Promise.resolve()
  },
}
const DEBIAN: Recipe = {
  name: 'debian-1.ext4',
  bytes: 900 << 20,
  fill: (content) => debianRoot(content, USERS_ROOT),
}
const BPFTRACE: Recipe = {
  name: 'bpftrace-1.ext4',
  bytes: 900 << 20,
  fill: (content) => debianRoot(content, BPFTRACE_ROOT),
}
const SYSTEMD: Recipe = {
  name: 'systemd-1.ext4',
  bytes: 500 << 20,
  fill: (content) => debianRoot(content, SYSTEMD_ROOT),
}
const RECIPES = new Map([
  ['ext4', PATTERN],
  ['debian', DEBIAN],
  ['bpftrace', BPFTRACE],
  ['systemd', SYSTEMD],
])

/** Whether `--disk` asks for a disk of the lab's own making, which the guest mounts on /data. */
export function isDataDisk(given: string | undefined): boolean {
  return given !== undefined && DATA_DISK.test(given)
}

/**
 * `IMAGE[,throttle=BYTES]` as QEMU is to have it: the word `ext4` becomes the path of an ext4 image with one file,
 * `pattern`, 4 MiB of 'D', the words `debian`, `bpftrace` and `systemd` those of Debian roots (see debian.ts). Each is made once, by mke2fs: no
 * mount.
 * @throws LabError where a program for it is missing or fails.
 */
export async function diskImage(given: string, into = join(cacheDirectory(), 'disks')): Promise<string> {
  const word = DATA_DISK.exec(given)?.[1]
  const recipe = word === undefined ? undefined : RECIPES.get(word)
  if (recipe === undefined) return given
  const image = join(into, recipe.name)
  if (!existsSync(image)) await makeImage(image, into, recipe)
  return given.replace(DATA_DISK, () => image)
}

async function makeImage(image: string, folder: string, { bytes, fill }: Recipe): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'new-'))
  try {
    const content = join(work, 'content')
    const fresh = join(work, 'image')
    await fill(content)
    writeFileSync(fresh, '')
    truncateSync(fresh, bytes)
    await run(mke2fs(), [
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      '4096',
      '-E',
      'lazy_itable_init=0',
      '-d',
      content,
      fresh,
    ])
    renameSync(fresh, image)
  } catch (thrown) {
    if (thrown instanceof LabError) throw thrown
    throw new LabError(
      `cannot make a disk for the guest: ${reason(thrown)}. See that ${folder} has ${2 * (bytes >> 20)} MB free`,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** It lives in /sbin, which a user's PATH often lacks. */
function mke2fs(): string {
  const path = ['/usr/sbin/mke2fs', '/sbin/mke2fs', '/usr/bin/mke2fs'].find((one) => existsSync(one))
  if (path !== undefined) return path
  throw new LabError('cannot make a disk for the guest: there is no mke2fs. apt install e2fsprogs')
}
