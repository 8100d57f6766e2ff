import { expect, test } from 'vitest'
import { RULE_IDS } from '../model/finding.js'
import { policyFor } from '../policy/policies.js'
import { ruleTexts } from './rule-texts.js'

test('every rule is told with what a kernel promises of it', () => {
  const texts = ruleTexts(policyFor('6.12.0-amd64'))
  expect(texts.map(({ rule }) => rule)).toEqual(RULE_IDS)
  expect(texts.find(({ rule }) => rule === 'R05')).toMatchObject({
    name: 'pin-coherent',
    promises: { '4k': expect.stringMatching(/^promised \(FOLL_PIN alone/) as unknown },
  })
})

test('an older kernel promises less', () => {
  const pinCoherent = (release: string) =>
    ruleTexts(policyFor(release)).find(({ rule }) => rule === 'R05')?.promises['4k']
  expect(pinCoherent('5.10.0')).toMatch(/^not promised/)
  expect(pinCoherent('6.12.0')).toMatch(/^promised/)
})
