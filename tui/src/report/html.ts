/** HTML that is safe by its making: text becomes HTML only by {@link html}, which escapes it. */

/** A piece of HTML. Only this file makes one. */
export class Html {
  readonly #text: string

  constructor(parts: readonly string[], values: readonly HtmlValue[]) {
    this.#text = parts.map((part, i) => part + (i < values.length ? textOf(values[i]) : '')).join('')
  }

  toString(): string {
    return this.#text
  }
}

export type HtmlValue = string | number | Html | readonly Html[]

/** A template whose strings are escaped, in text and in quoted attributes; pieces of HTML are taken as they are. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts, values)
}

function textOf(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (sign) => ESCAPES[sign])
  return value.map((piece) => piece.toString()).join('\n')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
