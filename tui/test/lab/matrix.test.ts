/** The cells that are known from kernel sources and earlier measurements, in guests: memory against memory, no agent. */
import { describe, expect, test } from 'vitest'

import { CASE_MACHINE, labCases } from '../../src/lab/cases.js'
import { caseResults } from '../../src/lab/matrix.js'
import { runInGuest } from './guest-run.js'

const KEPT = 'COHERENT'
const LOST = 'DIVERGED'
const LEAK = 'LEAKED'

/** The truth by kernel, in this order. */
const SERIES = ['5.10', '6.1', '6.12', '7.2'] as const
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'odirect-4k': [LOST, LOST, KEPT, KEPT],
  'odirect-thp': [LOST, LOST, KEPT, KEPT],
  'odirect-hugetlb': [LOST, LOST, KEPT, KEPT],
  'ropin-4k': [LOST, KEPT, KEPT, KEPT],
  'mprotect-4k': [LOST, KEPT, KEPT, KEPT],
  'vmsplice-parent-4k': [LOST, LOST, LOST, LOST],
  'vmsplice-child-4k': [KEPT, KEPT, KEPT, KEPT],
  'vmsplice-child-thp': [LEAK, KEPT, KEPT, KEPT],
  'vmsplice-child-swapped': [LEAK, KEPT, KEPT, KEPT],
  'vmsplice-child-hugetlb': [LEAK, LEAK, LEAK, LEAK],
  'uring-4k': [KEPT, KEPT, KEPT, KEPT],
  'uring-thp': [KEPT, KEPT, KEPT, KEPT],
  'uring-hugetlb': [LOST, KEPT, KEPT, KEPT],
  'own-dontneed-4k': [LOST, LOST, LOST, LOST],
  'plain-4k': [KEPT, KEPT, KEPT, KEPT],
}

describe.each(SERIES)('on kernel %s', (series) => {
  test('every known case finds in its memory what is known', async () => {
    const cases = (await labCases()).filter(({ name }) => name in KNOWN)
    expect(cases).toHaveLength(Object.keys(KNOWN).length)
    const line = cases.map(({ command }) => `timeout 60 ${command.join(' ')}`).join('; ')
    const { stdout } = await runInGuest(series, ['sh', '-c', line], CASE_MACHINE)
    const found = Object.fromEntries(caseResults(stdout).map(({ name, truth }) => [name, truth]))
    const column = SERIES.indexOf(series)
    expect(found).toEqual(Object.fromEntries(Object.entries(KNOWN).map(([name, all]) => [name, all[column]])))
  })
})
