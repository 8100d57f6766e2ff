/** A line of text as spans with a role each. Roles say what a span is; only the screen knows how that looks. */
export interface Span {
  readonly text: string
  readonly role: Role
}

/** Meaning is never carried by a role alone: the words are enough without it. */
export type Role = 'plain' | 'dim' | 'strong' | 'title' | 'good' | 'warn' | 'bad' | 'accent' | 'selected'

export type Line = readonly Span[]

export function span(text: string, role: Role = 'plain'): Span {
  return { text, role }
}

/** The line as text alone. */
export function plainText(line: Line): string {
  return line.map((part) => part.text).join('')
}
