import type { LivePin } from '../history/judge.js'
import type { PageSize } from '../model/finding.js'
import { getsTaken, isHeldPin, isPin, isWrite } from './references.js'

/** Pins that are known on the frames [pfn, pfn + pages), which are one folio or one page. */
export interface OnFrame {
  readonly pins: readonly LivePin[]
  readonly pfn: number
  readonly pages: number
  /** By its size: of a THP some pages may be mapped by themselves elsewhere, each with a reference. */
  readonly size: PageSize
  /** References on other pages of the folio may not be told. */
  readonly isSample: boolean
}

/**
 * Which of `pins` is live now; `doubt` where one may be; undefined where none is.
 *
 * FOLL_PIN is live until it is given back. FOLL_GET is live on evidence only: `extra` references beyond the mappings, as
 * the kernel counted them at this very moment (undefined: not known). Nobody sees a FOLL_GET reference go, so the
 * history knows dead ones, too: the evidence speaks for `pins` only where the other pins on the frame cannot explain it.
 */
export function liveOf(
  pins: readonly LivePin[],
  extra: number | undefined,
  on: OnFrame,
): LivePin | 'doubt' | undefined {
  const held = pins.filter(isHeldPin)
  if (held.length > 0) return chosen(held, 'write')
  const none = pins.some((pin) => isPin(pin) && pin.held > 0) ? 'doubt' : undefined
  const gets = pins.filter((pin) => !isPin(pin))
  if (gets.length === 0) return none
  return liveGet(gets, extra, on) ?? none
}

function liveGet(
  gets: readonly LivePin[],
  extra: number | undefined,
  on: OnFrame,
): LivePin | 'doubt' | undefined {
  if (extra === undefined) return 'doubt'
  if (extra <= 0) return undefined
  if (gets.some((pin) => !pin.isCertain)) return 'doubt'
  // Where the count is that of a folio, what is beyond its mappings may be held through pages that are not told.
  if (on.isSample && on.size !== '4k') return 'doubt'
  const ours = getsTaken(gets, on.pfn, on.pages)
  const all = Math.max(ours, getsTaken(on.pins, on.pfn, on.pages))
  if (extra <= all - ours) return 'doubt'
  // Beyond what was taken there is something unknown: it may be all there is.
  if (on.size === 'thp' && extra > all) return 'doubt'
  // Some of them are dead: which, the counts do not say. The milder is assumed.
  return chosen(gets, extra >= all ? 'write' : 'read')
}

/** The newest of those that write (or read), if there are any; else the newest. */
function chosen(pins: readonly LivePin[], preferred: 'write' | 'read'): LivePin {
  return pins.reduce((best, pin) => {
    const [is, was] = [pin, best].map((one) => isWrite(one) === (preferred === 'write'))
    if (is !== was) return is ? pin : best
    return pin.pin > best.pin ? pin : best
  })
}
