import type { LivePin } from '../history/judge.js'
import type { PinFact } from '../model/facts.js'
import type { Reference } from '../model/finding.js'
import { Foll } from '../model/kinds.js'

export function isPin({ foll }: PinFact): boolean {
  return (foll & Foll.Pin) !== 0
}

export function isWrite({ foll }: PinFact): boolean {
  return (foll & Foll.Write) !== 0
}

export function isLongterm({ foll }: PinFact): boolean {
  return (foll & Foll.Longterm) !== 0
}

export function referenceOf(pin: PinFact): Reference {
  const { stack, tgid, mm, vpn, fromNs } = pin
  return {
    pin: pin.pin,
    kind: isPin(pin) ? 'pin' : 'get',
    write: isWrite(pin),
    longterm: isLongterm(pin),
    stack,
    tgid,
    mm,
    vpn,
    takenNs: fromNs,
  }
}

/** Whether a FOLL_PIN reference is certainly not given back yet. Of FOLL_GET only the counts of a moment can tell. */
export function isHeldPin(pin: LivePin): boolean {
  return isPin(pin) && pin.isCertain && pin.held > 0
}

/** "a long-term FOLL_PIN reference for writing" */
export function referenceWords({ kind, write, longterm }: Reference): string {
  const how = longterm ? 'a long-term' : 'a'
  return `${how} ${kind === 'pin' ? 'FOLL_PIN' : 'FOLL_GET'} reference for ${write ? 'writing' : 'reading'}`
}

/** "held for 1.5 ms" */
export function heldWords({ takenNs }: Reference, nowNs: number): string {
  return `held for ${durationWords(Math.max(0, nowNs - takenNs))}`
}

function durationWords(ns: number): string {
  if (ns < 1e3) return `${ns} ns`
  if (ns < 1e6) return `${round(ns / 1e3)} us`
  if (ns < 1e9) return `${round(ns / 1e6)} ms`
  return `${round(ns / 1e9)} s`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** How many references of FOLL_GET the pins say were taken on frames [pfn, pfn + pages). */
export function getsTaken(pins: readonly LivePin[], pfn: number, pages: number): number {
  let taken = 0
  for (const pin of pins) if (!isPin(pin)) taken += overlap(pin, pfn, pages)
  return taken
}

function overlap(pin: PinFact, pfn: number, pages: number): number {
  return Math.max(0, Math.min(pin.pfn + pin.pages, pfn + pages) - Math.max(pin.pfn, pfn))
}
