/**
 * What a terminal would show of the bytes that a program wrote: the text of its cells, no colours. Knows the sequences that
 * blessed writes for `xterm-256color`; others are passed over.
 */
export class HeadlessTerminal {
  readonly #columns: number
  readonly #cells: string[][]
  readonly #decoder = new TextDecoder()
  #row = 0
  #column = 0
  /** The start of a sequence whose end has not come. */
  #pending = ''

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.#cells = Array.from({ length: rows }, () => blanks(columns))
  }

  /** The text of one row, from 0 on; empty beyond the last. */
  row(index: number): string {
    return (this.#cells.at(index) ?? []).join('')
  }

  write(bytes: Uint8Array): void {
    const text = this.#pending + this.#decoder.decode(bytes, { stream: true })
    this.#pending = ''
    for (let at = 0; at < text.length;) {
      const char = text[at]
      if (char !== '\x1b') {
        this.#put(char)
        at++
        continue
      }
      SEQUENCE.lastIndex = at
      const match = SEQUENCE.exec(text)
      if (match === null) {
        // Not all of it is here, or it is none that we know.
        if (text.length - at < LONGEST) {
          this.#pending = text.slice(at)
          return
        }
        at++
        continue
      }
      const [whole, parameters, command] = match as readonly (string | undefined)[] // only CSI has them
      if (parameters !== undefined && command !== undefined) this.#obey(parameters, command)
      at += whole?.length ?? 1
    }
  }

  #put(char: string): void {
    if (char === '\r') this.#column = 0
    else if (char === '\n') this.#row = Math.min(this.#cells.length - 1, this.#row + 1)
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1)
    else if (char >= ' ' && this.#column < this.#columns) this.#cells[this.#row][this.#column++] = char
  }

  #obey(parameters: string, command: string): void {
    const [first, second] = parameters.split(';').map(Number)
    const times = Math.max(1, first)
    switch (command) {
      case 'H':
        this.#move(times - 1, Math.max(1, second || 1) - 1)
        break
      case 'A':
        this.#move(this.#row - times, this.#column)
        break
      case 'B':
        this.#move(this.#row + times, this.#column)
        break
      case 'C':
        this.#move(this.#row, this.#column + times)
        break
      case 'D':
        this.#move(this.#row, this.#column - times)
        break
      case 'G':
        this.#move(this.#row, times - 1)
        break
      case 'd':
        this.#move(times - 1, this.#column)
        break
      case 'K':
        this.#cells[this.#row].fill(' ', this.#column)
        break
      case 'J':
        this.#cells[this.#row].fill(' ', this.#column)
        for (const row of this.#cells.slice(this.#row + 1)) row.fill(' ')
        break
    }
  }

  #move(row: number, column: number): void {
    this.#row = Math.min(this.#cells.length - 1, Math.max(0, row))
    this.#column = Math.min(this.#columns - 1, Math.max(0, column))
  }
}

/** CSI with its parameters and command; else an OSC, a character set, or a sequence of one letter. */
const SEQUENCE =
  /\x1b(?:\[([\d;]*)[?>!]?[\d;]*\$?([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHM])/y
const LONGEST = 400

function blanks(columns: number): string[] {
  return Array.from({ length: columns }, () => ' ')
}
