import { span, type Line } from '../views/line.js'
import { BINDINGS } from './keys.js'

const MEANINGS: readonly (readonly [string, string])[] = [
  ['copy', 'the kernel copied the page: old and new pfn differ'],
  ['reuse', 'sole owner: the page was made writable in place'],
  ['unshare', 'copied for a reader that pins it (FAULT_FLAG_UNSHARE)'],
  ['fork', 'as fault: copied early for the child, as it may be pinned'],
  ['r/map', 'refcount and mapcount of the old page, under the lock'],
  ['lag', 'how much later than at best the last heartbeat came'],
]

/** The help overlay: all keys, then the words of the tables. Two columns where there is room, so that 24 rows do. */
export function helpLines(columns: number): readonly Line[] {
  const keys = BINDINGS.map(({ shown, meaning }) => entry(shown, 9, meaning))
  const words = MEANINGS.map(([word, meaning]) => entry(word, 9, meaning))
  const title: Line = [span('Keys', 'title')]
  const wordsTitle: Line = [span('Words', 'title')]
  if (columns < 120) return [title, ...keys, wordsTitle, ...words].map((line) => [span(' '), ...line])
  const left = [title, ...keys]
  const right = [wordsTitle, ...words]
  return left.map((line, index) => {
    const used = line.reduce((sum, part) => sum + part.text.length, 0)
    return [span(' '), ...line, span(' '.repeat(Math.max(2, 62 - used))), ...(right[index] ?? [])]
  })
}

function entry(word: string, cells: number, meaning: string): Line {
  return [span(word.padEnd(cells), 'strong'), span(' ' + meaning)]
}
