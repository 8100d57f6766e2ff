import { expect, test } from 'vitest'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkBtf, checkKernelCache, checkLockdown, checkNode, checkPrivilege } from './doctor-checks.js'

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

test('only kernels that were fetched whole count as cached', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-doctor-'))
  try {
    expect(checkKernelCache(join(folder, 'none')).verdict).toBe('note')
    mkdirSync(join(folder, '6.1'))
    expect(checkKernelCache(folder).verdict).toBe('note')
    writeFileSync(join(folder, '6.1', 'manifest.json'), '{}')
    expect(checkKernelCache(folder)).toMatchObject({ verdict: 'ok', says: 'cached: 6.1' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
