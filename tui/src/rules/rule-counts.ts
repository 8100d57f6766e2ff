import { PAGE_SIZES, RULE_IDS, type PageSize, type RuleCount } from '../model/finding.js'

const SIZES = PAGE_SIZES.length
const HELD = 0
const BROKEN = 1
const UNKNOWN = 2
const ANSWERS = 3

/** Index of each size in the table: looked up by a comparison, not by a hash. */
function sizeIndex(size: PageSize): number {
  if (size === '4k') return 0
  return PAGE_SIZES.indexOf(size)
}

/** R01 to R09: what they answer about huge pages is counted once more. */
const LAST_BASE_RULE = RULE_IDS.indexOf('R09')
const THP_RULE = RULE_IDS.indexOf('R15')
const HUGETLB_RULE = RULE_IDS.indexOf('R16')

/** How often each rule was checked, and what came of it; `rule` is the index in RULE_IDS. */
export class RuleCounts {
  readonly #counts = new Float64Array(RULE_IDS.length * SIZES * ANSWERS)

  held(rule: number, size: PageSize): void {
    this.#count(rule, size, HELD)
  }

  broken(rule: number, size: PageSize): void {
    this.#count(rule, size, BROKEN)
  }

  unknown(rule: number, size: PageSize): void {
    this.#count(rule, size, UNKNOWN)
  }

  /** Those that are not all zero. */
  list(): readonly RuleCount[] {
    const found: RuleCount[] = []
    RULE_IDS.forEach((rule, i) => {
      PAGE_SIZES.forEach((size, j) => {
        const at = (i * SIZES + j) * ANSWERS
        const held = this.#counts[at + HELD]
        const broken = this.#counts[at + BROKEN]
        const unknown = this.#counts[at + UNKNOWN]
        const checked = held + broken + unknown
        if (checked > 0) found.push({ rule, size, checked, held, broken, unknown })
      })
    })
    return found
  }

  #count(rule: number, size: PageSize, answer: number): void {
    const at = sizeIndex(size)
    this.#counts[(rule * SIZES + at) * ANSWERS + answer]++
    if (at === 0 || rule > LAST_BASE_RULE) return
    const apart = size === 'hugetlb' ? HUGETLB_RULE : THP_RULE
    this.#counts[(apart * SIZES + at) * ANSWERS + answer]++
  }
}
