import type { LivePin } from '../history/judge.js'
import type { PageSize, Verdict } from '../model/finding.js'
import { Flag } from '../model/kinds.js'
import { referenceOf } from './references.js'
import type { Scene } from './scene.js'

/**
 * What it means that a slot stopped mapping the frame of a live reference.
 *
 * | reference | verdict |
 * | --- | --- |
 * | FOLL_PIN on anonymous memory | `violation` where this kernel promises it, else `hazard` |
 * | FOLL_GET for writing | `hazard`: what the device writes is lost to the owner |
 * | FOLL_GET for reading | `measured`: the reader keeps an older copy, as it may |
 * | FOLL_PIN for reading, of a page of a file | `measured`, as designed; a long-term one was to break COW first (R09) |
 * | the process unmapped or moved it itself | `self-inflicted` |
 */
export function verdictOfLost(
  scene: Scene,
  pin: LivePin,
  { cause, size }: { readonly cause: string; readonly size: PageSize },
): Exclude<Verdict, 'unknown'> {
  if (cause === 'unmap' || cause === 'remap')
    return isDoneByOwner(scene, pin.mm) ? 'self-inflicted' : 'measured'
  const { kind, write, longterm } = referenceOf(pin)
  if (kind === 'get') return write ? 'hazard' : 'measured'
  if (!write && !scene.has(Flag.Anon) && scene.has(Flag.File))
    return longterm ? scene.judged('R09', 'hazard', { kind, cause, size }) : 'measured'
  return scene.judged('R05', 'hazard', { kind, cause, size })
}

/** Whether the task of the event is of the process whose address space it is, as far as that is known. */
export function isDoneByOwner({ view, events, i }: Scene, mm: number): boolean {
  const owner = view.tgidOf(mm)
  return owner === 0 || owner === events.tgid[i]
}
