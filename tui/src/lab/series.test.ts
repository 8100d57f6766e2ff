import fc from 'fast-check'
import { expect, test } from 'vitest'

import { kernelPackages, suitesOf, wholeKernels } from './series.js'

const suite = suitesOf('7.2')[0]

function stanza(
  name: string,
  version: string,
  filename = `pool/main/l/linux/${name}_${version}_amd64.deb`,
): string {
  return `Package: ${name}\nVersion: ${version}\nFilename: ${filename}\nSize: 5\nSHA256: ${'a'.repeat(64)}\n\n`
}

function whole(...stanzas: string[]): string[] {
  return wholeKernels(kernelPackages(stanzas.join(''), suite)).map(({ release }) => release)
}

test('the newest of two kernels comes first, by version and not by text', () => {
  expect(
    whole(stanza('linux-image-6.1.0-9-amd64', '6.1.9-1'), stanza('linux-image-6.1.0-10-amd64', '6.1.10-1')),
  ).toEqual(['6.1.0-10-amd64', '6.1.0-9-amd64'])
})

test('a kernel in two packages is whole only with its modules', () => {
  const image = (release: string): string => stanza(`linux-image-${release}`, `${release.slice(0, 5)}-1`)
  const binary = (release: string): string => stanza(`linux-binary-${release}`, `${release.slice(0, 5)}-1`)
  const modules = (release: string): string => stanza(`linux-modules-${release}`, `${release.slice(0, 5)}-1`)
  const [a, b] = ['7.1.8+deb13-amd64', '7.2.9+deb13-amd64']
  expect(whole(image(a), binary(a), image(b), binary(b), modules(b))).toEqual([b])
})

test('cloud, real-time, unsigned, debug and meta packages are no kernels', () => {
  const names = [
    'linux-image-6.1.0-9-cloud-amd64',
    'linux-image-6.1.0-9-rt-amd64',
    'linux-image-6.1.0-9-amd64-unsigned',
    'linux-image-6.1.0-9-amd64-dbg',
    'linux-image-amd64',
  ]
  expect(whole(...names.map((name) => stanza(name, '6.1.9-1')))).toEqual([])
})

test('a file name that leaves the pool is refused', () => {
  expect(whole(stanza('linux-image-6.1.0-9-amd64', '6.1.9-1', 'pool/../../etc/x.deb'))).toEqual([])
  expect(whole(stanza('linux-image-6.1.0-9-amd64', '6.1.9-1', 'http://evil.example/x.deb'))).toEqual([])
})

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(wholeKernels(kernelPackages(text, suite))).toEqual([])
    }),
  )
})
