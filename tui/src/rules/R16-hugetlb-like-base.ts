import type { Rule } from './rule.js'

/**
 * R16: R01 to R09 hold for hugetlb as they do for base pages. It looks at no event by itself: what those rules answer
 * about hugetlb is counted here once more; their findings stay theirs.
 *
 * Sources: Torvalds, 17 Dec 2021, on GUP-triggered unsharing; Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not
 * force a COW break on file-backed memory".
 */
export const hugetlbLikeBase: Rule = {
  id: 'R16',
  name: 'hugetlb-like-base',
  statement: 'R01 to R09 hold for hugetlb.',
  source:
    'Torvalds, 17 Dec 2021, on GUP-triggered unsharing; ' +
    'Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not force a COW break on file-backed memory"',
  needs: [],
  judgesBy: 'state',
  isAboutPins: false,
  begin: () => ({}),
}
