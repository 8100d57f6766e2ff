import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { LabError, reason } from './error.js'
import { cacheDirectory } from './kernels.js'

const run = promisify(execFile)

const DATA_DISK = /^ext4(?=,|$)/
const IMAGE_BYTES = 32 << 20
const PATTERN_BYTES = 4 << 20
/** A new name for what the image holds: old ones in the cache are then left alone. */
const IMAGE_NAME = 'data-1.ext4'

/** Whether `--disk` asks for a disk of the lab's own making, which the guest mounts on /data. */
export function isDataDisk(given: string | undefined): boolean {
  return given !== undefined && DATA_DISK.test(given)
}

/**
 * `IMAGE[,throttle=BYTES]` as QEMU is to have it: the word `ext4` becomes the path of an ext4 image with one file,
 * `pattern`, 4 MiB of 'D'. It is made once, by mke2fs alone: no root, no mount.
 * @throws LabError where mke2fs is missing or fails.
 */
export async function diskImage(given: string, into = join(cacheDirectory(), 'disks')): Promise<string> {
  if (!isDataDisk(given)) return given
  const image = join(into, IMAGE_NAME)
  if (!existsSync(image)) await makeImage(image, into)
  return given.replace(DATA_DISK, () => image)
}

async function makeImage(image: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'new-'))
  try {
    const content = join(work, 'content')
    const fresh = join(work, 'image')
    mkdirSync(content)
    writeFileSync(join(content, 'pattern'), Buffer.alloc(PATTERN_BYTES, 'D'))
    writeFileSync(fresh, '')
    truncateSync(fresh, IMAGE_BYTES)
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
      `cannot make a disk for the guest: ${reason(thrown)}. See that ${folder} has 40 MB free`,
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
