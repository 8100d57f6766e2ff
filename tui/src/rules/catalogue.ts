/** Every rule there is: the dashboard, the manual, `--help` and the engine read this list. */
import type { RuleId } from '../model/finding.js'
import { needlessCopy } from './A01-needless-copy.js'
import { dontfork } from './A02-dontfork.js'
import { selfInflicted } from './A03-self-inflicted.js'
import { readGupOfSharedCow } from './A04-read-gup-of-shared-cow.js'
import { LEG_OF_KIND, type LegName } from './legs.js'
import { reuseSoleOwner } from './R01-reuse-sole-owner.js'
import { freshWritableIsPrivate } from './R02-fresh-writable-is-private.js'
import { noWrprotectWhileHeld } from './R03-no-wrprotect-while-held.js'
import { noSwapcacheOfHeldCow } from './R04-no-swapcache-of-held-cow.js'
import { pinCoherent } from './R05-pin-coherent.js'
import { isolation } from './R06-isolation.js'
import { cowOnce } from './R07-cow-once.js'
import { gupBreaksCow } from './R08-gup-breaks-cow.js'
import { longtermUnshared } from './R09-longterm-unshared.js'
import { noForcedBreakOnFile } from './R10-no-forced-break-on-file.js'
import { gupProgress } from './R11-gup-progress.js'
import { unshareIsNotWrite } from './R12-unshare-is-not-write.js'
import { uffdWpNotified } from './R13-uffd-wp-notified.js'
import { splitKeepsPin } from './R14-split-keeps-pin.js'
import { thpLikeBase } from './R15-thp-like-base.js'
import { hugetlbLikeBase } from './R16-hugetlb-like-base.js'
import { pinBalance } from './R17-pin-balance.js'
import type { Rule } from './rule.js'

/** In the order of their ids in `RULE_IDS`. */
export const RULES: readonly Rule[] = [
  reuseSoleOwner,
  freshWritableIsPrivate,
  noWrprotectWhileHeld,
  noSwapcacheOfHeldCow,
  pinCoherent,
  isolation,
  cowOnce,
  gupBreaksCow,
  longtermUnshared,
  noForcedBreakOnFile,
  gupProgress,
  unshareIsNotWrite,
  uffdWpNotified,
  splitKeepsPin,
  thpLikeBase,
  hugetlbLikeBase,
  pinBalance,
  needlessCopy,
  dontfork,
  selfInflicted,
  readGupOfSharedCow,
]

/** A rule as data. */
export interface CatalogueEntry {
  readonly id: RuleId
  readonly name: string
  readonly statement: string
  readonly source: string
  /** Without one of these legs every answer is `unknown`. */
  readonly needs: readonly LegName[]
  /** Legs whose events it looks at; without one of these it is blind there. Empty: it counts what other rules answer. */
  readonly looksAt: readonly LegName[]
}

export const CATALOGUE: readonly CatalogueEntry[] = RULES.map((rule) => {
  const { id, name, statement, source, needs } = rule
  return { id, name, statement, source, needs, looksAt: legsOf(rule) }
})

function legsOf(rule: Rule): readonly LegName[] {
  const legs = Object.keys(rule.begin()).map((kind) => LEG_OF_KIND.get(Number(kind)))
  return [...new Set(legs.filter((leg) => leg !== undefined))]
}
