/**
 * What `/` asks: terms that must all hold. `pid=812 kind=copy`, `copies>100`, `comm~redis`, `verdict!=advice`; a word alone is looked for
 * in every column.
 */
export interface Filter {
  readonly text: string
  readonly terms: readonly Term[]
}

interface Term {
  /** Empty: any column. */
  readonly field: string
  readonly operator: Operator
  readonly value: string
}

type Operator = '!=' | '>=' | '<=' | '=' | '>' | '<' | '~'

/** The fields of one row, by the ids of their columns. */
export type Fields = (field: string) => number | string | undefined

/** A filter, or in words why it is none. Never throws, whatever is typed. */
export function parseFilter(text: string): Filter | { readonly wrong: string } {
  const terms: Term[] = []
  for (const word of text.trim().split(/\s+/)) {
    if (word === '') continue
    const match = /^([\w-]*?)(!=|>=|<=|=|>|<|~)(.*)$/.exec(word)
    if (match === null) {
      terms.push({ field: '', operator: '~', value: word })
      continue
    }
    const [, field, operator, value] = match
    if (field === '') return { wrong: `${word}: name a column before ${operator}` }
    if (value === '') return { wrong: `${word}: nothing to compare with` }
    if (/^[<>]/.test(operator) && Number.isNaN(Number(value)))
      return { wrong: `${word}: ${operator} wants a number` }
    terms.push({ field, operator: operator as Operator, value }) // the pattern matches nothing else
  }
  return { text: text.trim(), terms }
}

/** Whether a row passes. `all` are its fields for words without a column; a term on a column that the row has not is left out. */
export function matches(filter: Filter, fields: Fields, all: () => readonly (number | string)[]): boolean {
  return filter.terms.every(({ field, operator, value }) => {
    if (field === '') return all().some((own) => holds(own, operator, value))
    const own = fields(field)
    return own === undefined || holds(own, operator, value)
  })
}

function holds(own: number | string, operator: Operator, value: string): boolean {
  switch (operator) {
    case '=':
      return isSame(own, value)
    case '!=':
      return !isSame(own, value)
    case '~':
      return String(own).toLowerCase().includes(value.toLowerCase())
    case '>':
      return Number(own) > Number(value)
    case '<':
      return Number(own) < Number(value)
    case '>=':
      return Number(own) >= Number(value)
    case '<=':
      return Number(own) <= Number(value)
  }
}

/** Numbers by value (`0x10` is 16), words without regard to case; `*` at the end stands for anything. */
function isSame(own: number | string, value: string): boolean {
  if (typeof own === 'number' && !Number.isNaN(Number(value))) return own === Number(value)
  const [a, b] = [String(own).toLowerCase(), value.toLowerCase()]
  return b.endsWith('*') ? a.startsWith(b.slice(0, -1)) : a === b
}
