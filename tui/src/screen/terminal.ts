import blessed from 'blessed'
import type { Line } from '../views/line.js'
import type { Size } from './layout.js'
import { styled, type Palette } from './theme.js'

/** What the screen needs of a terminal. */
export interface Terminal {
  size(): Size
  paint(lines: readonly Line[]): void
  /** Puts text into the clipboard of who sits before it (OSC 52), where the terminal allows that. */
  copy(text: string): void
  /** Gives the terminal back to the shell until it is continued (^Z, fg). */
  suspend(): void
  /** Restores the terminal. Safe to call twice. */
  close(): void
}

export interface TerminalOptions {
  readonly title: string
  readonly palette: Palette
  readonly unicode: boolean
  /** Names as blessed has them: `q`, `S-s` (shift), `C-c` (control), `up`, `space`; and what the key types, if anything. */
  readonly onKey: (key: string, char: string | undefined) => void
  readonly onResize: () => void
  /** The terminal is already restored; the caller has to end the process. */
  readonly onSignal: (signal: EndSignal) => void
}

export type EndSignal = 'SIGTERM' | 'SIGHUP' | 'SIGINT' | 'SIGQUIT'
const END_SIGNALS: readonly EndSignal[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT']

/** Members of blessed's Screen (lib/widgets/screen.js) that its type declarations leave out. */
interface BlessedInternals {
  readonly tput: { brokenACS: boolean }
  enter(): void
  leave(): void
}

/** The only place that knows blessed. One box over the whole screen is given text; blessed writes what changed. */
export function openTerminal(options: TerminalOptions): Terminal {
  const screen = blessed.screen({
    // blessed reads terminfo wrongly for most values of TERM; this entry it reads rightly, and all terminals in use know it.
    terminal: 'xterm-256color',
    forceUnicode: options.unicode,
    fullUnicode: options.unicode,
    smartCSR: false,
    resizeTimeout: 50,
    title: options.title,
  })
  const internals = screen as unknown as BlessedInternals
  // Else blessed draws lines by the VT100's second character set, which copies and captures badly.
  internals.tput.brokenACS = true
  const box = blessed.box({
    parent: screen,
    top: 0,
    left: 0,
    width: '100%',
    height: '100%',
    wrap: false,
    tags: false,
  })
  let state: 'open' | 'suspended' | 'closed' = 'open'

  const onSignal = (signal: NodeJS.Signals) => {
    close()
    options.onSignal(signal as EndSignal) // it is registered for these only
  }
  const close = () => {
    if (state === 'closed') return
    state = 'closed'
    // From now on a signal ends the process at once, as where no screen is.
    for (const signal of END_SIGNALS) process.off(signal, onSignal)
    process.off('SIGCONT', resume)
    process.off('uncaughtExceptionMonitor', close)
    process.off('exit', close)
    screen.destroy()
  }
  const resume = () => {
    if (state === 'closed') return
    state = 'open'
    process.stdin.setRawMode(true)
    process.stdin.resume()
    internals.enter()
    screen.alloc()
    options.onResize()
  }
  const suspend = () => {
    state = 'suspended'
    internals.leave()
    process.stdin.setRawMode(false)
    process.stdin.pause()
    // The whole job: under `npm start` the shell gets its prompt back only when npm is stopped too.
    process.kill(0, 'SIGTSTP')
  }
  process.on('SIGCONT', resume)
  // A crash is reported after the terminal is whole again, and on the screen that people see.
  process.on('uncaughtExceptionMonitor', close)
  process.on('exit', close)
  for (const signal of END_SIGNALS) process.on(signal, onSignal)
  screen.on('keypress', (char: string | undefined, key: { readonly full?: string } | undefined) => {
    const name = key?.full ?? char
    // The Enter key comes twice (lib/program.js, bindKeyboard): as `return`, and again as `enter`.
    if (name !== undefined && name !== 'return') options.onKey(name, char)
  })
  screen.on('resize', options.onResize)

  return {
    size: () => ({ columns: Number(screen.width), rows: Number(screen.height) }),
    paint: (lines) => {
      if (state !== 'open') return
      box.setContent(lines.map((line) => lineText(line, options.palette)).join('\n'))
      screen.render()
    },
    copy: (text) => {
      if (state === 'open') process.stdout.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`)
    },
    suspend,
    close,
  }
}

/** The views have escaped what comes from outside; a control character here would be our mistake, and is dropped. */
function lineText(line: Line, palette: Palette): string {
  return line
    .map(({ text, role }) => styled(text.replace(/[\x00-\x1f\x7f-\x9f]/g, ''), role, palette))
    .join('')
}
