import { expect, test } from 'vitest'

import { expiry, indexEntry, signatureHolds } from './archive.js'

const suite = { archive: 'debian', name: 'trixie' } as const
const path = 'main/binary-amd64/Packages.xz'
const hash = 'a'.repeat(64)
const release = `Suite: stable
Valid-Until: Sat, 01 Aug 2026 00:00:00 UTC
MD5Sum:
 ${'b'.repeat(32)} 10 ${path}
SHA256:
 ${'c'.repeat(64)} 11 main/binary-arm64/Packages.xz
 ${hash} 12 ${path}
`

test('the SHA256 of the index is taken, not its MD5 nor another file', () => {
  expect(indexEntry(release, path, suite)).toEqual({ sha256: hash, sizeBytes: 12 })
})

test('an index without a proper hash is refused', () => {
  expect(() => indexEntry(release.replace(hash, '../etc'), path, suite)).toThrow(/lists no main/)
  expect(() => indexEntry('', path, suite)).toThrow(/trixie/)
})

test('an index expires at Valid-Until, and never without one', () => {
  expect(expiry(release, Date.parse('2026-07-01'))).toBeUndefined()
  expect(expiry(release, Date.parse('2026-09-01'))).toMatch(/Aug 2026/)
  expect(expiry('Suite: x', Date.parse('2036-09-01'))).toBeUndefined()
})

test('a signature holds only if one is good and none is bad', () => {
  const good = '[GNUPG:] GOODSIG 6ED0E7B82643E131 Debian\n'
  expect(signatureHolds(good)).toBe(true)
  expect(signatureHolds(`${good}[GNUPG:] ERRSIG 1 2 3\n`)).toBe(true)
  expect(signatureHolds(`${good}[GNUPG:] BADSIG 1 x\n`)).toBe(false)
  expect(signatureHolds('[GNUPG:] EXPKEYSIG 1 x\n')).toBe(false)
  expect(signatureHolds('text [GNUPG:] GOODSIG\n')).toBe(false)
})
