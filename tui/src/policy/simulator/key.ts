import { isExclusive, type Memory, type Mm } from './memory.js'

/**
 * A name for a state: equal for states that differ only in the numbers of their frames, swap entries, pins and address
 * spaces. Contents are left out: no operation looks at them.
 */
export function keyOf(memory: Memory): string {
  const [first, second] = memory.mms
  if (memory.mms.length < 2) return keyInOrder(memory, memory.mms)
  const [a, b] = [keyInOrder(memory, [first, second]), keyInOrder(memory, [second, first])]
  return a < b ? a : b
}

function keyInOrder(memory: Memory, mms: readonly Mm[]): string {
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
  return `${parts.join('|')}#${pins.join()}`
}
