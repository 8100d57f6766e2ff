import { pmdOrderOf } from '../model/page-size.js'
import { policyFor } from '../policy/policies.js'
import type { Policy } from '../policy/policy.js'
import { Rules } from '../rules/rules.js'
import type { JudgeOf } from './judges.js'

/** All rules, under a policy or else under that of the kernel that each run traced. */
export function rulesUnder(policy?: Policy): JudgeOf {
  return ({ kernelRelease, legs, pageSize }, sink) =>
    new Rules({
      policy: policy ?? policyFor(kernelRelease),
      sink,
      legs,
      pmdOrder: pmdOrderOf(pageSize),
    })
}
