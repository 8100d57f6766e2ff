import { isExclusive, type Folio, type Memory, type Mm } from './memory.js'

/** How one order of the address spaces names what it meets. */
export interface Names {
  readonly mms: readonly Mm[]
  /** Those that are named; empty where an id is free. */
  readonly folios: readonly (Folio | undefined)[]
  /** The page of a folio that is in memory; undefined where there is none at this pfn. */
  page(pfn: number): string | undefined
}

/**
 * A name for a state: equal for states that differ only in the numbers of their frames, swap entries, pins and address
 * spaces. Contents are left out: no operation looks at them. `beside` adds what else tells states apart, by the same names.
 */
export function keyOf(memory: Memory, beside: (names: Names) => string = () => ''): string {
  const [first, second] = memory.mms
  if (memory.mms.length < 2) return keyInOrder(memory, memory.mms, beside)
  const [a, b] = [keyInOrder(memory, [first, second], beside), keyInOrder(memory, [second, first], beside)]
  return a < b ? a : b
}

function keyInOrder(memory: Memory, mms: readonly Mm[], beside: (names: Names) => string): string {
  const folios = new Map<number, string>()
  const swaps = new Map<number, number>()
  const nameOf = (id: number) => {
    const known = folios.get(id)
    if (known !== undefined) return known
    const folio = memory.folios[id]
    const label = String(folios.size)
    folios.set(id, label)
    if (!folio) return label
    const swap = folio.swap === 0 ? '' : `s${swapOf(folio.swap)}`
    const isThp = folio.kind === 'anon' && folio.order > 0
    const taken = isThp ? folio.pages.map((page) => (page.taken ? 't' : '')).join('.') : ''
    return `${label}${taken}${folio.kind[0]}${folio.order}${folio.passing}${folio.offLru ? 'b' : ''}${swap}`
  }
  const swapOf = (entry: number) => {
    const known = swaps.get(entry) ?? swaps.size
    swaps.set(entry, known)
    return known
  }
  const parts = mms.map((mm) => {
    const areas = mm.areas.map(
      (area) => `${area.mapped ? area.vpn : '-'}${area.writable ? 'w' : 'r'}${area.uffd ? 'u' : ''}`,
    )
    const entries = [...mm.entries]
      .sort((a, b) => a.vpn - b.vpn)
      .map((entry) => {
        const folio = memory.folios[entry.folio]
        const at = folio
          ? `${nameOf(entry.folio)}.${entry.page}${isExclusive(folio, entry) ? 'x' : ''}`
          : `s${swapOf(entry.swap)}${entry.swapExclusive ? 'x' : ''}`
        return `${entry.vpn}${entry.huge ? 'H' : ''}:${at}${entry.writable ? 'w' : ''}${entry.uffdWp ? 'u' : ''}${entry.by}`
      })
    return `${areas.join()};${entries.join()}`
  })
  const index = new Map(mms.map((mm, i) => [mm.id, i]))
  const pins = memory.pins
    .map(
      (pin) =>
        `${index.get(pin.mm) ?? 'gone'}@${pin.vpn}:${nameOf(pin.folio)}.${pin.page}${pin.kind[0]}${pin.write ? 'w' : ''}` +
        `${pin.longterm ? 'l' : ''}${pin.diverged ? 'd' : ''}${pin.leaked ? 'L' : ''}`,
    )
    .sort()
  const page = (pfn: number) => {
    const folio = memory.folios.find((one) => one && holds(one, pfn))
    return folio && `${nameOf(folio.id)}.${pfn - folio.pfn}`
  }
  return `${parts.join('|')}#${pins.join()}${beside({ mms, folios: memory.folios, page })}`
}

function holds({ pfn, order }: Folio, page: number): boolean {
  return page >= pfn && page < pfn + 2 ** order
}
