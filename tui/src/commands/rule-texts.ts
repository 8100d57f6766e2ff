import { PAGE_SIZES } from '../model/finding.js'
import type { StreamItem } from '../model/events.js'
import { policyFor } from '../policy/policies.js'
import { CATALOGUE } from '../rules/catalogue.js'
import type { LiveModel } from '../views/live-model.js'
import type { RuleText } from '../views/rule-text.js'

const STANDINGS = {
  promised: 'it promises this',
  'not-promised': 'it does not promise this',
  'not-applicable': 'it has no such thing',
} as const

/** What the rules say, and what the kernel of the agent that begins promises of them. */
export function tellRules(model: LiveModel, item: StreamItem): void {
  if (item.type === 'started') model.ruleTexts(ruleTexts(item.agent.kernelRelease))
}

function ruleTexts(kernelRelease: string): readonly RuleText[] {
  const policy = policyFor(kernelRelease)
  return CATALOGUE.map(({ id, name, statement, source }) => ({
    rule: id,
    name,
    statement,
    source,
    promises: Object.fromEntries(
      PAGE_SIZES.map((size) => {
        const { standing, why } = policy.promise(id, size)
        return [size, `${STANDINGS[standing]}: ${why}`]
      }),
    ),
  }))
}
