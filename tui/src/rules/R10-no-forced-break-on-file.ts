import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { follOf, follWords } from './taken.js'

/**
 * R10: GUP without FOLL_WRITE copies no file-backed page.
 *
 * Source: Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not force a COW break on file-backed memory".
 */
export const noForcedBreakOnFile: Rule = {
  id: 'R10',
  name: 'no-forced-break-on-file',
  statement: 'GUP without FOLL_WRITE copies no file-backed page, unless it is for long.',
  source:
    'Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not force a COW break on file-backed memory"',
  needs: ['gup'],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({ [Kind.WpFault]: BREAK, [Kind.HugetlbWp]: BREAK }),
}

const BREAK: Look = { outcomes: [Outcome.Copy, Outcome.Unshare], flags: Flag.InGup, check }

const CALLS = Foll.Get | Foll.Pin

function check(scene: Scene): Answer {
  if (!scene.has(Flag.File) || scene.has(Flag.Anon | Flag.VmaShared)) return undefined
  const foll = follOf(scene)
  if ((foll & CALLS) === 0) return 'unknown'
  if ((foll & (Foll.Write | Foll.Longterm)) !== 0) return 'held'
  return {
    verdict: scene.judged('R10', 'measured', { kind: (foll & Foll.Pin) !== 0 ? 'pin' : 'get', cause: 'gup' }),
    cause: 'gup',
    words: `a page of a file was copied for a GUP call that only reads (${follWords(foll)})`,
  }
}
