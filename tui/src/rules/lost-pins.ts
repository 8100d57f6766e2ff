import type { LivePin } from '../history/judge.js'
import { Flag, Kind } from '../model/kinds.js'
import { countedFrames, extraReferences } from './counts.js'
import { liveOf, type OnFrame } from './liveness.js'
import { isHeldPin } from './references.js'
import type { Scene } from './scene.js'
import { slotPages } from './size.js'
import type { BeforeSplit } from './split-evidence.js'

/** A pin whose slot stops mapping its frame; `undefined`: none was there. */
export type Lost = LivePin | 'held' | 'unknown' | undefined

/** By a fault that put another frame in place of the event's. `before` are the counts to go by, where not the event's. */
export function lostByFault(scene: Scene, before?: BeforeSplit): Lost {
  const { view, mm, vpn, oldPfn, size } = scene
  const pages = slotPages(scene)
  const pins = view.pinsIn(mm, vpn, pages)
  if (pins.length === 0) return undefined
  // Unpinning the zero page changes nothing and is not told (mm/gup.c, gup_put_folio(), since 6.1).
  if (scene.has(Flag.Zero)) return 'unknown'
  // The event says which frame it was: a pin on another one tells that something was missed.
  const through = pins.filter((pin) => pin.pfn - pin.vpn === oldPfn - vpn)
  if (through.length === 0 || view.slotAt(mm, vpn)?.isCertain !== true) return 'unknown'
  const extra = before ? before.extra : extraReferences(scene)
  const live = liveOf(through, extra, before?.on ?? { ...onCounted(scene), size, isSample: view.isSample })
  if (live === undefined) return 'held'
  return live === 'doubt' ? 'unknown' : live
}

/** The pins on the frames that the event's counts speak of. */
function onCounted(scene: Scene): Pick<OnFrame, 'pins' | 'pfn' | 'pages'> {
  const { pfn, pages } = countedFrames(scene)
  return { pins: scene.view.pinsOn(pfn, pages), pfn, pages }
}

/** By an unmapping or a move of the event's range. Ranges come without counts: of FOLL_GET nothing can be known. */
export function lostByRange(scene: Scene): Lost {
  // What is shared or of a file alone comes back as the same page.
  if (scene.has(Flag.VmaShared)) return undefined
  if (scene.events.kind[scene.i] === Kind.Unmap && !scene.has(Flag.VmaAnon | Flag.VmaHugetlb))
    return undefined
  const { view, mm, vpn, pages } = scene
  const pins = view.pinsIn(mm, vpn, pages)
  if (pins.length === 0) return undefined
  return pins.find((pin) => isHeldPin(pin) && isSlotCertain(scene, pin)) ?? 'unknown'
}

/** Whether the slot that the pin was taken through is known without doubt. */
export function isSlotCertain({ view }: Scene, pin: LivePin): boolean {
  return view.slotAt(pin.mm, pin.vpn)?.isCertain === true
}
