import type { PageSize, RuleId } from '../../model/finding.js'
import type { PolicyPromise } from '../policy.js'
import type { Series } from '../version.js'
import { REFERENCES } from './references.js'
import { WRITES } from './writes.js'

/** What kernels promise: the first row that fits rule, size and series holds. The last row of a rule fits all that is left. */
const ROWS = [...WRITES, ...REFERENCES]

/** What the kernel of this series promises of the rule, for slots of this size. */
export function promiseOf(version: Series, rule: RuleId, size: PageSize): PolicyPromise {
  const row = ROWS.find(
    ({ rules, sizes, from = 0, until = Infinity }) =>
      rules.includes(rule) && (sizes?.includes(size) ?? true) && from <= version && version < until,
  )
  if (!row) throw new Error(`no promise is written down for ${rule} of ${size}`)
  const { standing, why, source, holder = 'any', except = [] } = row
  return { standing, why, source, holder, except }
}
