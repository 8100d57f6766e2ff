import { InvalidArgumentError } from 'commander'
import { policyNamed } from '../policy/policies.js'
import { POLICY_NAMES, type Policy } from '../policy/policy.js'

export const POLICY_WORDS = `${POLICY_NAMES.join(', ')}, or a kernel series as 6.1`

/** A policy by its name, or by a kernel that follows it. */
export function policyArgument(text: string): Policy {
  const policy = policyNamed(text)
  if (policy === undefined) throw new InvalidArgumentError(`It is none of: ${POLICY_WORDS}.`)
  return policy
}
