import { expect, test } from 'vitest'
import { checkBtf, checkLockdown, checkNode, checkPrivilege } from './doctor-checks.js'

test('Node older than what the pinned packages need is missing', () => {
  expect(checkNode('v20.19.0').verdict).toBe('ok')
  expect(checkNode('v24.1.0').verdict).toBe('ok')
  expect(checkNode('v20.18.3').verdict).toBe('missing')
  expect(checkNode('v18.20.4').verdict).toBe('missing')
})

test('privilege means CAP_BPF and CAP_PERFMON, both', () => {
  const withCaps = (mask: bigint) =>
    checkPrivilege(`Name:\tnode\nCapEff:\t${mask.toString(16).padStart(16, '0')}\n`)
  expect(withCaps((1n << 38n) | (1n << 39n)).verdict).toBe('ok')
  expect(withCaps(1n << 39n).verdict).toBe('missing')
  expect(withCaps(0n).verdict).toBe('missing')
  expect(checkPrivilege('').verdict).toBe('missing')
})

test('only the confidentiality mode of lockdown forbids tracing', () => {
  expect(checkLockdown('none integrity [confidentiality]').verdict).toBe('missing')
  expect(checkLockdown('none [integrity] confidentiality').verdict).toBe('ok')
  expect(checkLockdown('').verdict).toBe('ok')
})

test('a kernel without BTF is pointed to the lab', () => {
  expect(checkBtf('/nonexistent/vmlinux')).toMatchObject({
    verdict: 'missing',
    todo: expect.stringContaining('cowpath lab') as string,
  })
})
