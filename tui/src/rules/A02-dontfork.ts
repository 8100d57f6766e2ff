import { Flag, Kind, Outcome } from '../model/kinds.js'
import { heldWords, isHeldPin, isLongterm, referenceOf, referenceWords } from './references.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'

/**
 * A02, advice: a process forked with live long-term pins in a mapping without MADV_DONTFORK.
 *
 * Source: Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign".
 */
export const dontfork: Rule = {
  id: 'A02',
  name: 'dontfork',
  statement: 'Mappings with long-term pins carry MADV_DONTFORK when their process forks.',
  source:
    'Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({ [Kind.ForkVma]: { check } }),
}

const PAGE_BYTES = 4096

/** Mappings with MADV_DONTFORK never come here (kernel/fork.c, dup_mmap()). */
function check(scene: Scene): Answer {
  // Shared memory stays one memory, and of a wiped mapping the child gets nothing.
  if (scene.has(Flag.VmaShared | Flag.VmaWipeonfork) || scene.outcome === Outcome.Failed) return undefined
  const { view, mm, vpn, pages } = scene
  const pins = view.pinsIn(mm, vpn, pages).filter(isLongterm)
  if (pins.length === 0) return undefined
  const pin = pins.find((one) => isHeldPin(one) && view.slotAt(mm, one.vpn)?.isCertain === true)
  if (pin === undefined) return 'unknown'
  const reference = referenceOf(pin)
  return {
    verdict: 'advice',
    cause: 'fork',
    causeTgid: scene.events.tgid[scene.i],
    reference,
    words:
      `forked with ${pins.length} such references in ${rangeWords(vpn, pages)}, which is without MADV_DONTFORK: ` +
      `${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)}`,
  }
}

/** "0x7f0000000000-0x7f0000001000" */
function rangeWords(vpn: number, pages: number): string {
  return [vpn, vpn + pages].map((at) => `0x${(at * PAGE_BYTES).toString(16)}`).join('-')
}
