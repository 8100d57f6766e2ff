import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { LabCase } from './cases.js'
import { casesOf } from './cases.js'
import { caseResults, cellsOf, findingLines, matrixPage, type FindingLine } from './matrix.js'

const CASES: readonly LabCase[] = casesOf(
  'odirect',
  'odirect-4k\thazard\nodirect-write\tmeasured\nodirect-own\tself-inflicted\nodirect-none\thazard\n',
)

const LOST =
  'CASE odirect-4k: DIVERGED the parent never sees it; the child does; pid=444 ppid=127 addr=0x7f84b73ba000 size=4k pfn=1>2'

function finding(verdict: string, about: Partial<FindingLine> = {}): FindingLine {
  return { rule: 'R05', verdict, pid: 444, ppid: 127, ...about }
}

function verdictOf(line: string, findings: readonly FindingLine[]): unknown {
  const [result] = caseResults(line)
  const cell = cellsOf(CASES, caseResults(line), findings).get(result.name)
  return [cell?.verdict, cell?.agrees]
}

test('a case is read with its reason, whatever marks that holds, and with its pid; other lines are not taken for one', () => {
  const output = `odirect: read 1: lost\n${LOST}\nCASE odirect-own: SKIPPED no page is free\nCASE x: MAYBE y\n`
  expect(caseResults(output)).toEqual([
    { name: 'odirect-4k', truth: 'DIVERGED', why: 'the parent never sees it; the child does', pid: 444 },
    { name: 'odirect-own', truth: 'SKIPPED', why: 'no page is free' },
  ])
})

test('memory that diverged wants an alarm, by the name of the era', () => {
  expect(verdictOf(LOST, [finding('hazard')])).toEqual(['hazard', true])
  expect(verdictOf(LOST, [finding('measured'), finding('violation')])).toEqual(['violation', true])
  expect(verdictOf(LOST, [finding('measured')])).toEqual(['measured', false])
  expect(verdictOf(LOST, [])).toEqual(['nothing', false])
})

test('memory that stayed coherent wants no alarm, and what is only measured is none', () => {
  const kept = LOST.replace('DIVERGED', 'COHERENT')
  expect(verdictOf(kept, [])).toEqual(['nothing', true])
  expect(verdictOf(kept, [finding('measured')])).toEqual(['measured', true])
  expect(verdictOf(kept, [finding('hazard')])).toEqual(['hazard', false])
})

test('where a divergence is harmless or the owner made it, an alarm is as wrong as silence', () => {
  for (const [name, verdict] of [
    ['odirect-write', 'measured'],
    ['odirect-own', 'self-inflicted'],
  ] as const) {
    const line = LOST.replace('odirect-4k', name)
    expect(verdictOf(line, [finding(verdict)])).toEqual([verdict, true])
    expect(verdictOf(line, [finding(verdict), finding('hazard')])).toEqual(['hazard', false])
    expect(verdictOf(line, [])).toEqual(['nothing', false])
  }
})

test('a finding is about a case through the owner, its parent, or who holds the reference; other rules do not judge', () => {
  expect(verdictOf(LOST, [finding('hazard', { pid: 5, ppid: 444 })])).toEqual(['hazard', true])
  expect(verdictOf(LOST, [finding('hazard', { pid: 5, reference: { pid: 444 } })])).toEqual(['hazard', true])
  expect(verdictOf(LOST, [finding('hazard', { pid: 5, reference: null })])).toEqual(['nothing', false])
  expect(verdictOf(LOST, [finding('hazard', { rule: 'R01' })])).toEqual(['nothing', false])
})

test('a case without a word has failed, a skipped one is not judged, and without findings there is no verdict', () => {
  const cells = cellsOf(CASES, caseResults(`CASE odirect-own: SKIPPED no page\n${LOST}`), undefined)
  expect(cells.get('odirect-none')).toEqual({ truth: 'FAILED', why: 'the case ended without a word' })
  expect(cells.get('odirect-own')).toEqual({ truth: 'SKIPPED', why: 'no page' })
  expect(cells.get('odirect-4k')).not.toHaveProperty('verdict')
})

test('findings are read a line at a time, and lines that are none are left out', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.json()), { maxLength: 5 }), (noise) => {
      const clean = noise.map((text) => text.replaceAll('\n', ' '))
      const lines = [...clean, JSON.stringify(finding('hazard', { reference: { pid: 7 } }))]
      expect(findingLines(lines.join('\n'))).toEqual([finding('hazard', { reference: { pid: 7 } })])
    }),
  )
})

test('the page has a row a case and a column a kernel, marks contradictions, and tells why', () => {
  const cells = cellsOf(CASES, caseResults(LOST), [])
  const page = matrixPage(CASES, [{ series: '6.1', release: '6.1.0-56-amd64', cells }])
  expect(page).toContain('| `odirect-4k` | hazard | diverged → nothing **!** |')
  expect(page).toContain('6.1 is 6.1.0-56-amd64')
  expect(page).toContain('- `odirect-4k` on 6.1: diverged: the parent never sees it; the child does')
})

test('a program that lists something else than cases is refused', () => {
  expect(() => casesOf('odirect', 'uring-4k\thazard')).toThrow(/names no case/)
  expect(() => casesOf('odirect', 'odirect-4k\tgrave')).toThrow(/names no case/)
})
