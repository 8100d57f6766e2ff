import { PAGE_SIZES } from '../model/finding.js'
import { policyFor } from '../policy/policies.js'
import type { Policy, PolicyPromise } from '../policy/policy.js'
import { RULES } from '../rules/catalogue.js'
import type { RuleText } from '../views/rule-text.js'

/** What each rule says, and what kernels of this policy promise about it. */
export function ruleTexts(policy: Policy): readonly RuleText[] {
  return RULES.map(({ id, name, statement, source }) => ({
    rule: id,
    name,
    statement,
    source,
    promises: Object.fromEntries(PAGE_SIZES.map((size) => [size, promiseWords(policy.promise(id, size))])),
  }))
}

/** What the rules say, and what that kernel promises; nothing where the kernel is not known. */
export function ruleTextsOf(kernelRelease: string | undefined): readonly RuleText[] {
  return kernelRelease === undefined ? [] : ruleTexts(policyFor(kernelRelease))
}

const STANDINGS: Readonly<Record<PolicyPromise['standing'], string>> = {
  promised: 'promised',
  'not-promised': 'not promised',
  'not-applicable': 'does not apply',
}

function promiseWords({ standing, holder, except, why }: PolicyPromise): string {
  const limits =
    standing === 'promised'
      ? [
          ...(holder === 'pin' ? ['FOLL_PIN alone'] : []),
          ...(except.length > 0 ? [`not by ${except.join(', ')}`] : []),
        ]
      : []
  const what = limits.length === 0 ? STANDINGS[standing] : `${STANDINGS[standing]} (${limits.join('; ')})`
  return why === '' ? what : `${what}: ${why}`
}
