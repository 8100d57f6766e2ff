import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PAGE_SIZES, RULE_IDS } from '../model/finding.js'
import { POLICIES, policyFor, policyNamed, policyOf } from './policies.js'
import { isPromised, POLICY_NAMES } from './policy.js'
import { series } from './version.js'

const NAMES: readonly (readonly [release: string, name: string, version: string])[] = [
  ['4.19.0-27-amd64', 'force-break', '5.8'],
  ['5.3.0', 'mapcount', '5.3'],
  ['5.7.2', 'mapcount', '5.7'],
  ['5.7.3', 'force-break', '5.8'],
  ['5.8.18', 'force-break', '5.8'],
  ['5.9.0-1-amd64', 'page-count', '5.9'],
  ['5.10.0-46-amd64', 'page-count', '5.10'],
  ['5.18.19', 'page-count', '5.18'],
  ['5.19.0-1-amd64', 'anon-exclusive', '5.19'],
  ['6.1.0-50-amd64', 'anon-exclusive', '6.1'],
  ['6.12.107+deb13-amd64', 'anon-exclusive', '6.12'],
  ['6.18.15+deb13-amd64', 'anon-exclusive', '6.18'],
  ['7.2.12+deb14-amd64', 'anon-exclusive', '7.2'],
  ['v7.3-rc1', 'anon-exclusive', '7.3'],
]

test.each(NAMES)('%s follows %s as of %s', (release, name, version) => {
  const policy = policyFor(release)
  expect([policy.name, policy.version]).toEqual([name, version])
})

test('every release gets a policy, and every rule and size an answer with its reason and source', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.nat(9), fc.nat(99), fc.string()).map(([a, b, c]) => `${a}.${b}${c}`),
      ),
      (release) => {
        const policy = policyFor(release)
        for (const rule of RULE_IDS)
          for (const size of PAGE_SIZES) {
            const { why, source } = policy.promise(rule, size)
            expect(why).not.toBe('')
            expect(source).not.toBe('')
          }
      },
    ),
  )
})

test('a release that cannot be read is accused of nothing, and says so', () => {
  for (const release of ['', 'garbage', '6', 'x.y.z', '\u001b[31m6.1', '999999.1']) {
    const policy = policyFor(release)
    expect(policy.note).toContain('cannot be read')
    for (const rule of RULE_IDS)
      for (const size of PAGE_SIZES) expect(policy.promises(rule, size)).not.toBe('promised')
  }
})

test('a name of an era or a series names a policy, and nothing else does', () => {
  expect(POLICY_NAMES.map((name) => policyNamed(name)?.name)).toEqual(POLICY_NAMES)
  expect(POLICIES.map((policy) => policy.version)).toEqual(['5.7', '5.8', '5.10', '6.12'])
  expect(policyNamed('6.1')?.version).toBe('6.1')
  expect(policyNamed('exclusive')).toBeUndefined()
})

describe('what the eras promise', () => {
  const at = (major: number, minor: number) => policyOf(series(major, minor))

  test('coherence of FOLL_PIN from 5.19 on, of FOLL_GET never', () => {
    expect(at(5, 18).promises('R05', '4k')).toBe('not-promised')
    for (const size of PAGE_SIZES) {
      const promise = at(5, 19).promise('R05', size)
      expect(isPromised(promise, 'pin', 'fork')).toBe(true)
      expect(isPromised(promise, 'get', 'fork')).toBe(false)
    }
  })

  test('isolation of 4 KiB from 5.9, of THP from 5.18, of hugetlb for FOLL_PIN alone from 5.19', () => {
    expect(at(5, 8).promises('R06', '4k')).toBe('not-promised')
    expect(isPromised(at(5, 10).promise('R06', '4k'), 'get', 'copy')).toBe(true)
    expect(isPromised(at(5, 10).promise('R06', '4k'), 'get', 'swap')).toBe(false)
    expect(at(5, 17).promises('R06', 'thp')).toBe('not-promised')
    expect(at(5, 18).promises('R06', 'thp')).toBe('promised')
    expect(isPromised(at(6, 12).promise('R06', 'hugetlb'), 'get', 'copy')).toBe(false)
    expect(isPromised(at(6, 12).promise('R06', 'hugetlb'), 'pin', 'copy')).toBe(true)
  })

  test('long-term pins of file and zero pages from 6.2 on', () => {
    expect(at(6, 1).promises('R09', '4k')).toBe('not-promised')
    expect(at(6, 2).promises('R09', '4k')).toBe('promised')
  })

  test('O_DIRECT by FOLL_PIN from 6.5 on', () => {
    expect(at(6, 4).mechanics.directIoPins).toBe(false)
    expect(at(6, 5).mechanics.directIoPins).toBe(true)
  })
})
