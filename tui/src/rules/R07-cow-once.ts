import { Flag, Kind, Outcome, Protection } from '../model/kinds.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'

/**
 * R07: a slot whose COW was broken is not copied again unless it was shared again in between.
 *
 * Source: Torvalds, 17 Dec 2021, on GUP-triggered unsharing (there an assumption, not a fact).
 */
export const cowOnce: Rule = {
  id: 'R07',
  name: 'cow-once',
  statement: 'A slot whose COW was broken is not copied again unless it was shared again in between.',
  source: 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing',
  needs: ['fork', 'anon-new', 'ksm', 'swap', 'collapse', 'migrate'],
  judgesBy: 'state',
  isAboutPins: false,
  begin: () => ({ [Kind.WpFault]: COPY, [Kind.HugetlbWp]: COPY }),
}

const COPY: Look = { outcomes: [Outcome.Copy], check }

function check(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  const { slot } = scene
  if (slot?.isCertain !== true || slot.pfn !== scene.oldPfn) return 'unknown'
  if (slot.brokenSeq === 0 || slot.mayBeShared) return 'held'
  // It gives exclusiveness up before it looks whether there is something to merge (mm/ksm.c, write_protect_page()).
  if (slot.protectedBy === Protection.Ksm) return 'held'
  const { refcount, mapcount } = scene.events
  return {
    verdict: scene.judged('R07', 'measured', { cause: 'copy' }),
    cause: 'copy',
    words:
      `copied again, though its own since event ${slot.brokenSeq}; ` +
      `refcount ${refcount[scene.i]}, mapcount ${mapcount[scene.i]}`,
  }
}
