import type { GupAsk } from './gup.js'
import { isThp, type SlotSize } from './memory.js'

/** What can happen in the tiny kernel. */

export const SLOT_OPERATIONS = [
  'write',
  'read',
  'swap-out',
  'ksm-self',
  'ksm-join',
  'migrate',
  'discard',
  'speculate',
  'batch',
] as const

export const AREA_OPERATIONS = [
  'protect-read-only',
  'protect-writable',
  'uffd-wp',
  'uffd-resolve',
  'split-pmd',
  'split-folio',
  'collapse',
  'remap',
  'unmap',
] as const

export type SlotOperation = (typeof SLOT_OPERATIONS)[number]
export type AreaOperation = (typeof AREA_OPERATIONS)[number]

/**
 * `mm` is an index among the living address spaces, `area` among their areas, `page` a page of it (of a THP 0 or 1), `pin` the
 * order of taking. What cannot be done changes nothing.
 */
export type Operation =
  | { readonly name: SlotOperation; readonly mm: number; readonly area: number; readonly page: number }
  | { readonly name: AreaOperation; readonly mm: number; readonly area: number }
  | {
      readonly name: 'gup'
      readonly mm: number
      readonly area: number
      readonly page: number
      readonly ask: GupAsk
    }
  | { readonly name: 'fork' | 'exit'; readonly mm: number }
  | { readonly name: 'release' | 'device-write' | 'device-read'; readonly pin: number }
  /** Passing references and LRU batches are gone. */
  | { readonly name: 'settle' }

export const GUP_ASKS: readonly GupAsk[] = [
  { kind: 'get', write: false, longterm: false },
  { kind: 'get', write: true, longterm: false },
  { kind: 'pin', write: false, longterm: false },
  { kind: 'pin', write: true, longterm: false },
]

/** Pages of an area that operations reach. */
export function pagesOf(size: SlotSize): number {
  return isThp(size) ? 2 : 1
}

/** "write mm 0 slot 1.0": for a person who reads a counterexample. */
export function operationText(operation: Operation): string {
  switch (operation.name) {
    case 'settle':
      return 'settle'
    case 'release':
    case 'device-write':
    case 'device-read':
      return `${operation.name} pin ${operation.pin}`
    case 'fork':
    case 'exit':
      return `${operation.name} mm ${operation.mm}`
    case 'gup': {
      const { kind, write, longterm } = operation.ask
      const how = `${longterm ? 'long-term ' : ''}${write ? 'write' : 'read'}-${kind}`
      return `${how} mm ${operation.mm} slot ${operation.area}.${operation.page}`
    }
    default:
      return `${operation.name} mm ${operation.mm} slot ${operation.area}${'page' in operation ? `.${operation.page}` : ''}`
  }
}

/** The operation that `operationText` writes so; undefined: none. Without a page its first is meant. */
export function parseOperation(text: string): Operation | undefined {
  const words = text.trim().replace(/\s+/g, ' ')
  if (words === 'settle') return { name: 'settle' }
  const onPin = /^(release|device-write|device-read) pin (\d{1,6})$/.exec(words)
  if (onPin) return { name: onPin[1] as 'release' | 'device-write' | 'device-read', pin: Number(onPin[2]) } // by the pattern
  const onMm = /^(fork|exit) mm ([01])$/.exec(words)
  if (onMm) return { name: onMm[1] as 'fork' | 'exit', mm: Number(onMm[2]) } // by the pattern
  const asked = /^(long-term )?(read|write)-(get|pin) (mm .*)$/.exec(words)
  if (asked) {
    const [, longterm, access, kind, rest] = asked as readonly (string | undefined)[] // the first may be absent
    const place = placeOf(rest)
    if (place === undefined || (kind !== 'get' && kind !== 'pin')) return undefined
    return {
      name: 'gup',
      ...place,
      ask: { kind, write: access === 'write', longterm: longterm !== undefined },
    }
  }
  const [, name, rest] = (/^(\S+) (mm .*)$/.exec(words) ?? []) as readonly (string | undefined)[]
  const place = placeOf(rest)
  if (place === undefined) return undefined
  const ofSlot = SLOT_OPERATIONS.find((one) => one === name)
  if (ofSlot) return { name: ofSlot, ...place }
  const ofArea = AREA_OPERATIONS.find((one) => one === name)
  return ofArea && { name: ofArea, mm: place.mm, area: place.area }
}

function placeOf(
  text = '',
): { readonly mm: number; readonly area: number; readonly page: number } | undefined {
  const match = /^mm ([01]) slot (\d{1,3})(?:\.(\d{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const [, mm, area, page = 0] = match
  return { mm: Number(mm), area: Number(area), page: Number(page) }
}
