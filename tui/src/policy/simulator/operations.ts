import type { GupAsk } from './gup.js'
import type { SlotSize } from './memory.js'

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
  return size === 'thp' ? 2 : 1
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
