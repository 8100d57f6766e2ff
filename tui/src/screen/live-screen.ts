import type { LiveSnapshot } from '../views/live-snapshot.js'
import type { Charset } from '../views/printable.js'
import { actionOf } from './keys.js'
import { detailLines } from './details.js'
import { layoutFrame } from './layout.js'
import { rowCounts } from './lists.js'
import { act, INITIAL_STATE, type ScreenState } from './state.js'
import { openTerminal, type EndSignal } from './terminal.js'
import { choosePalette, localeIsUtf8 } from './theme.js'

/** Where the screen reads from; it never writes there. */
export interface LiveSource {
  snapshot(): LiveSnapshot
  /** Events so far: cheaper than a snapshot, for what came since a pause. */
  readonly events: number
}

/**
 * Shows `source` until the person quits, the process is told to end, or `closed` is aborted. Resolves with what ended it, the terminal
 * restored. Needs a terminal on stdin and stdout.
 */
export function showLive(
  source: LiveSource,
  env: NodeJS.ProcessEnv,
  closed: AbortSignal,
): Promise<'quit' | EndSignal> {
  const charset: Charset = localeIsUtf8(env) ? 'unicode' : 'ascii'
  let state: ScreenState = INITIAL_STATE
  let eventsAtPause = 0
  let timer: NodeJS.Timeout | undefined

  return new Promise((resolve) => {
    const finish = (how: 'quit' | EndSignal) => {
      clearTimeout(timer)
      terminal.close()
      resolve(how)
    }
    const terminal = openTerminal({
      title: 'cowpath live',
      palette: choosePalette(env),
      unicode: charset === 'unicode',
      onKey,
      onResize: draw,
      onSignal: finish,
    })

    function draw(): void {
      clearTimeout(timer)
      timer = setTimeout(draw, state.refreshMs)
      const snapshot = state.frozen ?? source.snapshot()
      const eventsSincePause = state.frozen === null ? 0 : source.events - eventsAtPause
      const input = { snapshot, eventsSincePause, wallMs: Date.now() }
      terminal.paint(layoutFrame(input, state, terminal.size(), charset))
    }

    function onKey(key: string): void {
      const action = actionOf(key)
      if (action === undefined) return
      if (action.do === 'quit') {
        finish('quit')
        return
      }
      if (action.do === 'suspend') {
        terminal.suspend()
        return
      }
      const current = state.frozen ?? source.snapshot()
      if (action.do === 'pause') eventsAtPause = source.events
      const detail = detailLines(current, state, { width: terminal.size().columns, charset }).length
      state = act(state, action, current, { ...rowCounts(current), detail })
      draw()
    }

    if (closed.aborted) finish('quit')
    else draw()
    closed.addEventListener('abort', () => {
      finish('quit')
    })
  })
}
