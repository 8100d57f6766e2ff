import type { Charset } from './printable.js'

/** What every view must know of the place it is shown in. */
export interface ViewOptions {
  /** Cells. */
  readonly width: number
  readonly charset: Charset
}

/** Signs that have an ASCII form for terminals without Unicode. */
export interface Signs {
  readonly cut: string
  readonly arrow: string
  readonly rule: string
  readonly down: string
  readonly up: string
  readonly cursor: string
}

const SIGNS: Readonly<Record<Charset, Signs>> = {
  unicode: { cut: '…', arrow: '→', rule: '─', down: '▼', up: '▲', cursor: '▶' },
  ascii: { cut: '~', arrow: '>', rule: '-', down: 'v', up: '^', cursor: '>' },
}

export function signs(charset: Charset): Signs {
  return SIGNS[charset]
}
