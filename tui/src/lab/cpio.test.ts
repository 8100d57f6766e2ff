import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { cpio } from './cpio.js'

test('cpio unpacks the same files, modes and contents', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const contents = [0, 1, 2, 3, 4, 4095, 4096, 70_001].map((length) => Buffer.alloc(length, length & 255))
  const archive = cpio(
    contents.map((data, i) => ({ path: `/a/b${'x'.repeat(i)}/f${i}`, mode: 0o100700 + i, data })),
  )
  execFileSync('cpio', ['-id', '--quiet', '--no-absolute-filenames'], { cwd: directory, input: archive })
  contents.forEach((data, i) => {
    const path = join(directory, `a/b${'x'.repeat(i)}/f${i}`)
    expect(readFileSync(path).equals(data)).toBe(true)
    expect(statSync(path).mode).toBe(0o100700 + i)
  })
})

test('a path that leaves the guest, is empty or comes twice is refused', () => {
  const file = (path: string): { path: string; mode: number } => ({ path, mode: 0o100644 })
  for (const path of ['../x', 'a/../../x', '', '/', 'a\0b'])
    expect(() => cpio([file(path)])).toThrow(RangeError)
  expect(() => cpio([file('a'), file('/a')])).toThrow(RangeError)
})

test('every archive is aligned and the same entries give the same bytes', () => {
  const entries = fc.uniqueArray(
    fc.record({ path: fc.stringMatching(/^[a-z]{1,9}$/), data: fc.uint8Array() }),
    {
      selector: ({ path }) => path,
    },
  )
  fc.assert(
    fc.property(entries, (all) => {
      const archive = (): Buffer =>
        cpio(all.map(({ path, data }) => ({ path, mode: 0o100644, data: Buffer.from(data) })))
      expect(archive().length % 4).toBe(0)
      expect(archive().equals(archive())).toBe(true)
    }),
  )
})
