/** Fields of one stanza, keys in lower case. Folded lines are joined by a line break, their indent removed. */
export type Stanza = ReadonlyMap<string, string>

/**
 * Stanzas of a deb822 text (apt sources, Release, Packages). Lines that are no field are skipped: an index is judged
 * by its hash, not by its looks.
 */
export function* stanzas(text: string): Generator<Stanza> {
  let fields = new Map<string, string>()
  let key = ''
  for (const line of text.split('\n')) {
    if (line.trim() === '') {
      if (fields.size > 0) yield fields
      fields = new Map()
      key = ''
    } else if (line.startsWith('#')) {
      continue
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (key !== '') fields.set(key, `${fields.get(key) ?? ''}\n${line.trim()}`)
    } else {
      const colon = line.indexOf(':')
      key = colon > 0 ? line.slice(0, colon).toLowerCase() : ''
      if (key !== '') fields.set(key, line.slice(colon + 1).trim())
    }
  }
  if (fields.size > 0) yield fields
}

/** Words of a field, also over folded lines. */
export function words(value: string | undefined): string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '')
}
