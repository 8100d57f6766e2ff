import type { PageSize, RuleId } from '../model/finding.js'

/** What a rule says, for those who meet it on a screen: given by whoever knows rules and policies. */
export interface RuleText {
  readonly rule: RuleId
  /** `pin-coherent`. */
  readonly name: string
  readonly statement: string
  /** Thread, commit or kernel file that it is from. */
  readonly source: string
  /** Whether the traced kernel promises it, in words, by how the page is mapped. */
  readonly promises: Readonly<Partial<Record<PageSize, string>>>
}
