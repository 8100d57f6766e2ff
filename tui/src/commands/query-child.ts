import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { printable } from '../views/printable.js'
import { clip } from '../views/width.js'
import { builtFile } from './built-file.js'

const MAIN = builtFile('main.js')
/** Lines of an answer that are shown. */
const LINES = 1000

/** `cowpath sql` beside the screen, which no query, however long, may hold up. */
export class QueryChild {
  #child: ChildProcess | undefined

  /** Calls back once: the answer, or why there is none. A question that is asked meanwhile ends this one, untold. */
  ask(path: string, query: string, width: number, told: (lines: readonly string[]) => void): void {
    this.stop()
    const child = spawn(process.execPath, [MAIN, 'sql', path, query], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const lines: string[] = []
    let wrong = ''
    const answer = createInterface({ input: child.stdout, crlfDelay: Infinity })
    answer.on('line', (line) => {
      if (lines.length < LINES) lines.push(clip(line, width, '~'))
      else child.kill()
    })
    child.stderr.on('data', (text: Buffer) => {
      if (wrong.length < 4096) wrong += text.toString()
    })
    child.once('error', ({ message }) => {
      wrong = message
    })
    child.once('close', () => {
      if (this.#child !== child) return
      this.#child = undefined
      const left = lines.length === LINES ? [`Only ${LINES} lines are shown: cowpath sql tells all.`] : []
      const remarks =
        wrong.trim() === ''
          ? []
          : wrong
              .trim()
              .split('\n')
              .map((line) => printable(line))
      told([...remarks, ...lines, ...left])
    })
  }

  stop(): void {
    const child = this.#child
    this.#child = undefined
    child?.kill('SIGKILL')
  }
}
