import { parseFilter } from '../views/filter.js'
import { parseTarget } from '../views/target.js'
import type { Action } from './state.js'
import { VIEWS } from './views.js'

interface CommandWord {
  readonly name: string
  readonly parameter: string
  readonly meaning: string
  /** What it may be followed by, for completion. */
  readonly values?: (columns: readonly string[]) => readonly string[]
  readonly read: (rest: string) => Action | { readonly wrong: string }
}

/** Fastest and slowest that a recording may be played. */
const SPEEDS = { least: 0, most: 1000 } as const
const REFRESH = { least: 50, most: 60_000 } as const

/** Every command there is after `:`. */
export const COMMAND_WORDS: readonly CommandWord[] = [
  {
    name: 'view',
    parameter: 'NAME',
    meaning: 'opens a view',
    values: () => VIEWS,
    read: (rest) => {
      const view = VIEWS.find((name) => name.startsWith(rest) && rest !== '')
      return view === undefined ? { wrong: `view wants one of ${VIEWS.join(', ')}` } : { do: 'view', view }
    },
  },
  {
    name: 'page',
    parameter: 'PID ADDRESS',
    meaning: 'the history of a page',
    read: pageAction,
  },
  {
    name: 'rule',
    parameter: 'R05',
    meaning: 'what a rule says, and what it found',
    read: (rest) => (rest === '' ? { wrong: 'rule wants a name: R05' } : { do: 'rule', rule: rest }),
  },
  {
    name: 'sql',
    parameter: 'SELECT ...',
    meaning: 'asks the recording that is shown',
    read: (rest) =>
      rest === '' ? { wrong: 'sql wants a query: SELECT * FROM v_finding' } : { do: 'sql', query: rest },
  },
  {
    name: 'filter',
    parameter: '[pid=N comm=NAME ...]',
    meaning: 'what the agent traces for you; none: all it can',
    values: () => ['pid=', 'comm='],
    read: (rest) => {
      const target = parseTarget(rest)
      return 'wrong' in target ? target : { do: 'trace', target }
    },
  },
  {
    name: 'sort',
    parameter: 'COLUMN',
    meaning: 'sorts the list with the cursor',
    values: (columns) => columns,
    read: (rest) => (rest === '' ? { wrong: 'sort wants a column' } : { do: 'sort', column: rest }),
  },
  {
    name: 'save',
    parameter: 'FILE',
    meaning: 'saves what is seen: .txt, .json or .svg',
    read: (rest) =>
      rest === '' ? { wrong: 'save wants a file: .txt, .json or .svg' } : { do: 'save', file: rest },
  },
  { name: 'copy', parameter: '', meaning: 'copies the row under the cursor', read: () => ({ do: 'copy' }) },
  {
    name: 'mark',
    parameter: '[TEXT]',
    meaning: 'marks this place',
    read: (rest) => ({ do: 'mark', text: rest }),
  },
  { name: 'marks', parameter: '', meaning: 'lists the marks', read: () => ({ do: 'marks' }) },
  {
    name: 'refresh',
    parameter: 'MS',
    meaning: 'how often the screen is drawn',
    read: (rest) => number(rest, 'refresh', REFRESH, (ms) => ({ do: 'refresh', ms })),
  },
  {
    name: 'speed',
    parameter: 'TIMES',
    meaning: 'of a recording; 0 stands still',
    read: (rest) => number(rest, 'speed', SPEEDS, (times) => ({ do: 'speed', times })),
  },
  {
    name: 'jump',
    parameter: 'SECONDS',
    meaning: 'to that time since the host booted, or +S, -S',
    read: jumpAction,
  },
  { name: 'help', parameter: '', meaning: 'the keys', read: () => ({ do: 'help' }) },
  { name: 'quit', parameter: '', meaning: 'quits', read: () => ({ do: 'quit' }) },
]

/** What a line typed after `:` asks for. A word may be shortened as far as it is the only one. */
export function parseCommand(line: string): Action | { readonly wrong: string } {
  const [word, ...rest] = line.trim().split(/\s+/)
  if (word === '') return { do: 'notice', text: '' }
  const exact = COMMAND_WORDS.filter(({ name }) => name === word)
  const found = exact.length > 0 ? exact : COMMAND_WORDS.filter(({ name }) => name.startsWith(word))
  if (found.length === 1) return found[0].read(rest.join(' '))
  const names = (found.length === 0 ? COMMAND_WORDS : found).map(({ name }) => name).join(', ')
  return { wrong: found.length === 0 ? `no command ${word}; there are ${names}` : `${word} may be ${names}` }
}

/** All lines that `line` may become by the word that is being typed. */
export function completions(line: string, columns: readonly string[]): readonly string[] {
  const [, name, space, rest] = /^(\S*)(\s*)(.*)$/.exec(line) ?? ['', '', '', '']
  if (space === '')
    return COMMAND_WORDS.filter((word) => word.name.startsWith(name)).map((word) => `${word.name} `)
  const values = COMMAND_WORDS.find((word) => word.name === name)?.values?.(columns) ?? []
  return values.filter((value) => value.startsWith(rest)).map((value) => `${name} ${value}`)
}

/** What a line typed after `/` asks for. */
export function filterAction(text: string): Action | { readonly wrong: string } {
  const filter = parseFilter(text)
  if ('wrong' in filter) return filter
  return { do: 'filter', filter: filter.terms.length === 0 ? null : filter }
}

/** `812 0x7f5e1c200000`, as the tables show them. */
function pageAction(text: string): Action | { readonly wrong: string } {
  const match = /^(\d+)\s+(?:0x)?([0-9a-f]{1,16})$/i.exec(text.trim())
  if (match === null) return { wrong: 'page wants a pid and an address: 812 0x7f5e1c200000' }
  const [, pid, address] = match
  return { do: 'page', page: { tgid: Number(pid), vpn: Math.floor(Number(`0x${address}`) / 4096) } }
}

/** `12.5` since the host booted, `+3` and `-3` from here. */
export function jumpAction(text: string): Action | { readonly wrong: string } {
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds)) return { wrong: 'jump wants seconds: 12.5, +3, -3' }
  return /^[+-]/.test(text.trim()) ? { do: 'step', seconds } : { do: 'jump', seconds }
}

function number(
  text: string,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
  make: (value: number) => Action,
): Action | { readonly wrong: string } {
  const value = Number(text)
  const isWithin = text !== '' && Number.isFinite(value) && value >= least && value <= most
  return isWithin ? make(value) : { wrong: `${name} wants a number from ${least} to ${most}` }
}
