import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A real terminal for tests: one tmux server of our own, one session a terminal. */
export class TmuxTerminal {
  readonly #socket: string

  /** `env` is added to that of the shell inside. */
  constructor(columns: number, rows: number, env: Readonly<Record<string, string>> = {}) {
    this.#socket = `cowpath-test-${process.pid}-${Math.random().toString(36).slice(2)}`
    const settings = Object.entries({ PS1: '$ ', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...env }).map(
      ([name, value]) => `${name}='${value}'`,
    )
    const shell = `env -u NO_COLOR ${settings.join(' ')} bash --norc --noprofile`
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, shell)
  }

  /** tmux's names: `q`, `C-c`, `Tab`, `Space`, `Up`; or a whole line followed by `Enter`. */
  keys(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys)
  }

  /** What is on the screen now; with `escapes` colours and the like as escape sequences. */
  screen(...flags: readonly '-e'[]): string {
    return this.#tmux('capture-pane', '-p', ...flags)
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`)
  }

  /** Whether the alternate screen is on, and whether the cursor shows. */
  modes(): { readonly alternate: boolean; readonly cursor: boolean } {
    const [alternate, cursor] = this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}')
      .trim()
      .split(' ')
    return { alternate: alternate === '1', cursor: cursor === '1' }
  }

  /** Waits until the screen matches; throws with the screen as it is after `patienceMs`. */
  async until(wanted: RegExp, patienceMs = 10_000): Promise<string> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const screen = this.screen()
      if (wanted.test(screen)) return screen
      if (Date.now() > deadline) throw new Error(`the screen never matched ${String(wanted)}:\n${screen}`)
      await sleep(50)
    }
  }

  close(): void {
    this.#tmux('kill-server')
  }

  #tmux(...args: readonly string[]): string {
    const env = { ...process.env, NCURSES_NO_UTF8_ACS: '1', LC_ALL: 'C.UTF-8' }
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8', env })
  }
}
