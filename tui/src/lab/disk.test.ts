import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { diskImage, isDataDisk } from './disk.js'

test('an image of the user is taken as given', async () => {
  expect(isDataDisk('./ext4,throttle=1')).toBe(false)
  expect(isDataDisk('ext4.img')).toBe(false)
  expect(await diskImage('a.img,throttle=9', '/nonesuch')).toBe('a.img,throttle=9')
})

test('the word ext4 becomes a sound ext4 image with the pattern in it, made once', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'disks')
  const given = await diskImage('ext4,throttle=200000', folder)
  const image = given.replace(',throttle=200000', '')
  expect(readdirSync(folder)).toEqual(['data-1.ext4'])
  expect(execFileSync('/sbin/e2fsck', ['-fn', image], { encoding: 'utf8' })).toMatch(
    /data-1.ext4: \d+\/\d+ files/,
  )
  const pattern = execFileSync('/sbin/debugfs', ['-R', 'cat pattern', image], {
    maxBuffer: 8 << 20,
    stdio: 'pipe',
  })
  expect(pattern.equals(Buffer.alloc(4 << 20, 'D'))).toBe(true)

  const madeMs = statSync(image).mtimeMs
  expect(await diskImage('ext4', folder)).toBe(image)
  expect(statSync(image).mtimeMs).toBe(madeMs)
})
