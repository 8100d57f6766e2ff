import { refcount, totalMaps, type Folio, type Memory } from '../memory.js'

/** Test support: the books of a memory, counted anew from its page tables and pins. Complaints; empty where they are right. */
export function complaints(memory: Memory): readonly string[] {
  return [
    ...memory.folios.flatMap((folio) => (folio ? ofFolio(memory, folio) : [])),
    ...ofSwap(memory),
    ...ofEntries(memory),
  ]
}

function ofFolio(memory: Memory, folio: Folio): readonly string[] {
  const entries = memory.mms.flatMap((mm) => mm.entries.filter((entry) => entry.folio === folio.id))
  const count = (kind: string) =>
    memory.pins.filter((pin) => pin.folio === folio.id && pin.kind === kind).length
  const facts: readonly (readonly [string, number, number])[] = [
    ['mappings of the whole', folio.wholeMaps, entries.filter((entry) => entry.huge).length],
    ['references of FOLL_PIN', folio.pins, count('pin')],
    ['references of FOLL_GET', folio.gets, count('get')],
    ...folio.pages.map(
      (page, i) =>
        [
          `mappings of page ${i}`,
          page.maps,
          entries.filter((entry) => !entry.huge && entry.page === i).length,
        ] as const,
    ),
  ]
  const pins = folio.order === 0 ? 1024 * folio.pins : folio.pins
  const cache = folio.kind === 'file' ? 2 ** folio.order : 0
  const references =
    pins + folio.gets + folio.passing + Number(folio.offLru) + Number(folio.swap !== 0) + cache
  const wrong = facts
    .filter(([, booked, counted]) => booked !== counted)
    .map(([what, booked, counted]) => `${what}: ${booked}, not ${counted}`)
  if (refcount(folio) !== totalMaps(folio) + references) wrong.push('refcount is not mappings and references')
  if (refcount(folio) === 0) wrong.push('it is held by nobody, and not freed')
  if (entries.some((entry) => entry.writable) && totalMaps(folio) > 0 && isMappedTwice(folio))
    wrong.push('it is shared and writable')
  return wrong.map((what) => `folio ${folio.id}: ${what}`)
}

function isMappedTwice(folio: Folio): boolean {
  return folio.wholeMaps > 1 || folio.pages.some((page) => page.maps + folio.wholeMaps > 1)
}

function ofSwap(memory: Memory): readonly string[] {
  return memory.swap.flatMap((slot, id) => {
    if (!slot) return []
    const users = memory.mms.flatMap((mm) =>
      mm.entries.filter((entry) => entry.folio === 0 && entry.swap === id),
    ).length
    const isCached = memory.folios.some((folio) => folio?.swap === id)
    const wrong = slot.users === users ? [] : [`swap entry ${id}: ${slot.users} users, not ${users}`]
    return users === 0 && !isCached ? [...wrong, `swap entry ${id} is used by nobody, and not free`] : wrong
  })
}

function ofEntries(memory: Memory): readonly string[] {
  return memory.mms.flatMap((mm) =>
    mm.entries.flatMap((entry) => {
      const at = `mm ${mm.id}, page ${entry.vpn}`
      const wrong: string[] = []
      if (entry.folio === 0 && !memory.swap[entry.swap])
        wrong.push(`${at}: maps neither frame nor swap entry`)
      if (entry.folio !== 0 && !memory.folios[entry.folio]) wrong.push(`${at}: maps a freed folio`)
      if (entry.writable && entry.uffdWp) wrong.push(`${at}: writable under uffd-wp`)
      if (mm.entries.filter(({ vpn }) => vpn === entry.vpn).length > 1) wrong.push(`${at}: is mapped twice`)
      return wrong
    }),
  )
}
