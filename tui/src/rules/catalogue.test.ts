import { expect, test } from 'vitest'
import { RULE_IDS } from '../model/finding.js'
import { CATALOGUE, RULES } from './catalogue.js'
import { LEGS } from './legs.js'

test('has every rule once, in the order of the ids', () => {
  expect(RULES.map(({ id }) => id)).toEqual(RULE_IDS)
})

test('every rule has a name of its own, a sentence and a source', () => {
  expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(RULE_IDS.length)
  for (const { name, statement, source } of CATALOGUE) {
    expect(name).toMatch(/^[a-z0-9-]+$/)
    expect(statement).toMatch(/^[A-Z].*\.$/)
    expect(source).not.toBe('')
  }
})

test('every rule looks at the events of some leg, but for those that only count what others answer', () => {
  const blind = CATALOGUE.filter(({ looksAt }) => looksAt.length === 0).map(({ id }) => id)
  expect(blind).toEqual(['R15', 'R16'])
  for (const { needs, looksAt } of CATALOGUE)
    expect(LEGS).toEqual(expect.arrayContaining([...needs, ...looksAt]))
})

test('pin coherence is looked after at all that can move a slot to another frame', () => {
  expect(CATALOGUE.find(({ id }) => id === 'R05')?.looksAt.toSorted()).toEqual([
    'collapse', 'huge-wp', 'hugetlb-wp', 'ksm', 'migrate', 'remap', 'swap', 'unmap', 'wp-fault',
  ]) // prettier-ignore
})
