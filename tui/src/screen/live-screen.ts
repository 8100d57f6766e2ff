import { writeFileSync } from 'node:fs'
import { hostRow } from '../views/hosts.js'
import type { HostRow, LiveSnapshot } from '../views/live-snapshot.js'
import { targetWords, type ClientTarget } from '../views/target.js'
import type { Charset } from '../views/printable.js'
import type { ViewOptions } from '../views/view-options.js'
import { completions, filterAction, jumpAction, parseCommand } from './command-line.js'
import { extentOf, rowText } from './details.js'
import { actionOf } from './keys.js'
import { layoutFrame, type Playing } from './layout.js'
import type { Shown } from './lists.js'
import { editPrompt, remembered, type Prompt } from './prompt.js'
import { asSvg, asText, FORMATS, formatOf } from './save.js'
import { act, INITIAL_STATE, type Action, type Effect, type ScreenState } from './state.js'
import { openTerminal, type EndSignal } from './terminal.js'
import { choosePalette, localeIsUtf8 } from './theme.js'
import { PANES, PANES_OF, type Pane } from './views.js'

/** Where the screen reads from; it never writes there. */
export interface LiveSource {
  snapshot(): LiveSnapshot
  /** Events so far: cheaper than a snapshot, for what came since a pause. */
  readonly events: number
  /** All that are looked at; the snapshot is that of the one that is shown. Absent: there is only that. */
  readonly hosts?: readonly HostRow[]
  show?(host: number): void
  /** The history of a page as lines of text. */
  page(tgid: number, vpn: number, options: ViewOptions): readonly string[]
  /** The snapshot as a machine reads it. */
  json(snapshot: LiveSnapshot): object
  /**
   * Lets what the panes show be told anew, by another thread, and calls back when it has been. Absent: the snapshot is always
   * as it is now.
   */
  refresh?(panes: readonly Pane[], told: () => void): void
  /** Asks the agent for something else, and calls back when that holds, or with why not. Absent: it cannot be asked. */
  changeFilter?(target: ClientTarget, told: (wrong: string) => void): void
  /** Asks the recording in SQL, and calls back with lines of text. Another question, or `stop`, ends it. Absent: there is none. */
  ask?(query: string, options: ViewOptions, told: (lines: readonly string[]) => void): void
  /** A recording can be moved in; absent: live. */
  readonly player?: Player
}

/** Moves in a recording. Times are ns since the boot of its host. */
export interface Player {
  readonly playing: Playing
  seek(timeNs: number): void
  /** 0 stands still, 1 goes as the host went. */
  play(times: number): void
}

/**
 * Shows `source` until the person quits, the process is told to end, or `closed` is aborted. Resolves with what ended it, the terminal
 * restored. Needs a terminal on stdin and stdout.
 */
export function showLive(
  source: LiveSource,
  env: NodeJS.ProcessEnv,
  closed: AbortSignal,
  beginning: Partial<ScreenState> = {},
): Promise<'quit' | EndSignal> {
  const charset: Charset = localeIsUtf8(env) ? 'unicode' : 'ascii'
  let state: ScreenState = { ...INITIAL_STATE, ...beginning }
  let eventsAtPause = 0
  let lastTimes = 1
  let timer: NodeJS.Timeout | undefined
  let dueMs = performance.now()
  let pacedMs = state.refreshMs
  let closing = false

  return new Promise((resolve) => {
    const finish = (how: 'quit' | EndSignal) => {
      closing = true
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

    function current(): Shown {
      const snapshot = state.frozen ?? source.snapshot()
      const bare = { ...snapshot, hosts: source.hosts ?? [hostRow(snapshot, true)], page: [] }
      if (state.overlay !== 'page' || state.page === null) return bare
      const { tgid, vpn } = state.page
      return { ...bare, page: source.page(tgid, vpn, options()) }
    }

    function options(): ViewOptions {
      return { width: terminal.size().columns, charset }
    }

    function frame(snapshot: Shown) {
      const eventsSincePause = state.frozen === null ? 0 : source.events - eventsAtPause
      const playing = source.player?.playing
      const input = {
        snapshot,
        eventsSincePause,
        wallMs: Date.now(),
        ...(playing === undefined ? {} : { playing }),
      }
      return layoutFrame(input, state, terminal.size(), charset)
    }

    function paint(): void {
      if (!closing) terminal.paint(frame(current()))
    }

    function look(): void {
      if (source.refresh === undefined) paint()
      else source.refresh(PANES_OF[state.view], paint)
    }

    /** Frames come at even times, however long one takes; where that cannot be, as soon as it can. */
    function turn(): void {
      const nowMs = performance.now()
      pacedMs = state.refreshMs
      dueMs = Math.max(nowMs, Math.min(dueMs, nowMs) + pacedMs)
      clearTimeout(timer)
      timer = setTimeout(turn, dueMs - nowMs)
      look()
    }

    /** At once, as things are known here, and again with what is new. */
    function draw(): void {
      paint()
      if (state.refreshMs !== pacedMs) turn()
      else if (source.refresh !== undefined) look()
    }

    function onKey(key: string, char: string | undefined): void {
      if (state.prompt !== null) {
        typed(state.prompt, key, char)
      } else {
        const action = actionOf(key)
        if (action === undefined) return
        const isHost = action.do === 'enter' && state.overlay === 'none' && state.pane === 'hosts'
        take(isHost ? { do: 'host', index: state.cursor.hosts } : action)
      }
      draw()
    }

    function typed(prompt: Prompt, key: string, char: string | undefined): void {
      const { columns } = extentOf(current(), state, options())
      const complete = (text: string) => (prompt.kind === 'command' ? completions(text, columns) : [])
      const edited = editPrompt(prompt, key, char, complete)
      if (edited === 'left') {
        state = { ...state, prompt: null }
      } else if ('prompt' in edited) {
        state = { ...state, prompt: edited.prompt }
      } else {
        const history = remembered(prompt.history, edited.done)
        state = { ...state, prompt: null, histories: { ...state.histories, [prompt.kind]: history } }
        const action = READERS[prompt.kind](edited.done)
        take('wrong' in action ? { do: 'notice', text: action.wrong } : action)
      }
    }

    /** With all lists as they are now: for what outlives this view. */
    function whole(then: () => void): void {
      if (source.refresh === undefined) then()
      else
        source.refresh(PANES, () => {
          then()
          paint()
        })
    }

    function take(action: Action): void {
      const outlives = action.do === 'save' || (action.do === 'pause' && state.frozen === null)
      if (outlives && source.player === undefined)
        whole(() => {
          obey(action)
        })
      else obey(action)
    }

    function obey(action: Action): void {
      if (action.do === 'pause' && source.player !== undefined) {
        const { times } = source.player.playing
        if (times !== 0) lastTimes = times
        source.player.play(times === 0 ? lastTimes : 0)
        return
      }
      const snapshot = current()
      if (action.do === 'pause') eventsAtPause = source.events
      state = act(state, action, snapshot, extentOf(snapshot, state, options()))
      if (isEffect(action)) {
        const told = carryOut(action, snapshot)
        if (told !== '') state = { ...state, notice: told }
      }
    }

    /** What the person is to be told of it; empty: it shows. */
    function carryOut(effect: Effect, snapshot: Shown): string {
      switch (effect.do) {
        case 'quit':
          finish('quit')
          return ''
        case 'suspend':
          terminal.suspend()
          return ''
        case 'copy': {
          const text = rowText(snapshot, state, options())
          if (text !== '') terminal.copy(text)
          return text === '' ? 'there is no row to copy' : `copied: ${text}`
        }
        case 'host':
          source.show?.(effect.index)
          return ''
        case 'turn-host': {
          const { length } = snapshot.hosts
          if (length < 2)
            return 'there is only this agent: cowpath live ENDPOINT ENDPOINT ... looks at several'
          const shown = snapshot.hosts.findIndex(({ isShown }) => isShown)
          source.show?.((shown + effect.hosts + length) % length)
          return ''
        }
        case 'trace':
          return trace(effect.target)
        case 'sql':
          return ask(effect.query)
        case 'save':
          return save(effect.file, snapshot)
        case 'step':
        case 'jump':
        case 'speed':
          return move(effect)
      }
    }

    function trace(target: ClientTarget): string {
      if (source.changeFilter === undefined)
        return 'a recording holds what was traced then: / filters what is shown'
      source.changeFilter(target, (wrong) => {
        const notice = wrong === '' ? `traced from now on: ${targetWords(target, charset)}` : wrong
        state = { ...state, notice }
        draw()
      })
      return 'asking the agent ...'
    }

    function ask(query: string): string {
      if (source.ask === undefined)
        return 'live there is no database: cowpath live --record FILE makes one, cowpath open FILE asks it'
      source.ask(query, options(), (lines) => {
        const snapshot = current()
        state = act(state, { do: 'answer', lines }, snapshot, extentOf(snapshot, state, options()))
        draw()
      })
      return 'asking the recording ...'
    }

    function save(file: string, snapshot: Shown): string {
      const format = formatOf(file)
      if (format === undefined)
        return `not saved: name a file that ends in ${FORMATS.map((end) => `.${end}`).join(', ')}`
      const lines = frame(snapshot)
      const text = {
        txt: () => asText(lines),
        svg: () => asSvg(lines, terminal.size().columns),
        json: () => JSON.stringify(source.json(snapshot), null, 2) + '\n',
      }[format]()
      try {
        // Never over what is there: a slip of the finger must not cost a file.
        writeFileSync(file, text, { flag: 'wx' })
        return `saved ${file}`
      } catch (cause) {
        return `not saved: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    }

    function move(effect: Effect & { readonly do: 'step' | 'jump' | 'speed' }): string {
      const { player } = source
      if (player === undefined) return 'live has only now: cowpath open goes back and forth in a recording'
      if (effect.do === 'speed') player.play(effect.times)
      else if (effect.do === 'jump') player.seek(effect.seconds * 1e9)
      else player.seek(player.playing.nowNs + effect.seconds * 1e9)
      return ''
    }

    if (closed.aborted) finish('quit')
    else {
      paint()
      turn()
    }
    closed.addEventListener('abort', () => {
      finish('quit')
    })
  })
}

const READERS = { filter: filterAction, command: parseCommand, jump: jumpAction } as const

function isEffect(action: Action): action is Effect {
  return EFFECTS.has(action.do)
}

const EFFECTS: ReadonlySet<string> = new Set<Effect['do']>([
  'quit',
  'suspend',
  'copy',
  'save',
  'trace',
  'sql',
  'step',
  'jump',
  'speed',
  'host',
  'turn-host',
])
