import { Flag, Kind, Outcome } from '../model/kinds.js'
import { cacheReferences } from './counts.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { folioPages } from './size.js'

/**
 * R02: a writable frame in a COW mapping starts reachable only from its page table.
 *
 * Source: Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (b). Counted where the
 * frame gets its first mapping.
 */
export const freshWritableIsPrivate: Rule = {
  id: 'R02',
  name: 'fresh-writable-is-private',
  statement: 'A writable frame in a COW mapping starts reachable only from its page table.',
  source: 'Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (b)',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({
    [Kind.WpFault]: COPY,
    [Kind.HugeWp]: COPY,
    [Kind.HugetlbWp]: COPY,
    [Kind.AnonNew]: { check: firstTouched },
    [Kind.SwapIn]: { flags: Flag.Writable, check: swappedIn },
  }),
}

const COPY: Look = { outcomes: [Outcome.Copy], check: copied }

/** Put on a batch of the LRU before it is mapped. */
const LRU_BATCH = 1
/** A page that comes from swap may be told as new while it is in the swap cache (mm/memory.c, do_swap_page(), 6.10 on). */
const SWAP_CACHE = 1

function copied(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  // A PTE fault copies one page, also out of a large folio.
  const pages = scene.events.kind[scene.i] === Kind.WpFault ? 1 : folioPages(scene.events, scene.i)
  return judged(scene, pages + LRU_BATCH, 'copy')
}

function firstTouched(scene: Scene): Answer {
  // Mapped by PTEs, a folio has a reference for each of its pages (mm/memory.c, do_anonymous_page()).
  return judged(scene, folioPages(scene.events, scene.i) + LRU_BATCH + SWAP_CACHE, 'first-touch')
}

function swappedIn(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  const answer = judged(scene, folioPages(scene.events, scene.i) + cacheReferences(scene.flags), 'swap')
  // What was exclusive when it went out still is, whoever holds it for the same owner; the event cannot tell that.
  const isByMapcount = scene.policy.mechanics.reuseSwapIn === 'mapcount'
  return answer === 'held' || isByMapcount ? answer : 'unknown'
}

function judged(scene: Scene, allowed: number, cause: string): Answer {
  const refcount = scene.events.newRefcount[scene.i]
  if (refcount <= 0) return 'unknown'
  if (refcount <= allowed) return 'held'
  return {
    verdict: scene.judged('R02', 'measured', { cause }),
    cause,
    words: `the new frame had ${refcount} references where ${allowed} are its own`,
  }
}
