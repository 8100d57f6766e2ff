import type { Rule } from './rule.js'

/**
 * R15: R01 to R09 hold for transparent huge pages as they do for base pages. It looks at no event by itself: what those
 * rules answer about THP, mapped by PMD or by PTEs, is counted here once more; their findings stay theirs.
 *
 * Source: Torvalds, 17 Dec 2021, on GUP-triggered unsharing.
 */
export const thpLikeBase: Rule = {
  id: 'R15',
  name: 'thp-like-base',
  statement: 'R01 to R09 hold for transparent huge pages, mapped by PMD or by PTEs.',
  source: 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing',
  needs: [],
  judgesBy: 'state',
  isAboutPins: false,
  begin: () => ({}),
}
