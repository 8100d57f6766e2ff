import { span, type Line } from '../views/line.js'
import { BINDINGS } from './keys.js'

const MEANINGS: readonly (readonly [string, string])[] = [
  ['copy', 'copied: old and new pfn differ'],
  ['reuse', 'sole owner: made writable in place'],
  ['unshare', 'copied for a reader that pins it'],
  ['fork', 'copied early at fork, as it may be pinned'],
  ['r/map', 'refcount/mapcount of the old page, under lock'],
  ['lag', 'last heartbeat, later than the quickest by'],
]

const LEFT_CELLS = 85

/** The help overlay: all keys, then the words of the tables; beside each other where there is room. */
export function helpLines(columns: number): readonly Line[] {
  const told = new Map(BINDINGS.map(({ shown, meaning }) => [shown, meaning]))
  const keys = [...told].map(([shown, meaning]) => entry(shown, 15, meaning))
  const words = MEANINGS.map(([word, meaning]) => entry(word, 15, meaning))
  const title: Line = [span(' Keys', 'title')]
  if (columns < 2 * LEFT_CELLS - 10) return [title, ...keys, ...words]
  return [title, ...keys].map((line, index) => {
    const used = line.reduce((sum, part) => sum + part.text.length, 0)
    return [...line, span(' '.repeat(LEFT_CELLS - used)), ...(index === 0 ? [] : (words.at(index - 1) ?? []))]
  })
}

function entry(word: string, cells: number, meaning: string): Line {
  return [span(' ' + word.padEnd(cells), 'strong'), span(' ' + meaning)]
}
