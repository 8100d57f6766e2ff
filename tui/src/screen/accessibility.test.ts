import { expect, test } from 'vitest'
import { hostRow } from '../views/hosts.js'
import { LiveModel } from '../views/live-model.js'
import {
  heartbeatAt,
  syntheticAgent,
  syntheticLeg,
  syntheticSecond,
} from '../views/testing/synthetic-stream.js'
import { syntheticJudgement } from '../views/testing/synthetic-judgement.js'
import { extentOf } from './details.js'
import { BINDINGS } from './keys.js'
import { frameText, layoutFrame, type FrameInput } from './layout.js'
import { act, INITIAL_STATE, type ScreenState } from './state.js'
import { styled, type Palette } from './theme.js'
import { PANES, PANES_OF, VIEWS } from './views.js'

// Nothing is said by colour alone: every state has a word or a sign in the bare text, with ASCII and 80 columns.

const broken = { state: 'reconnecting', endpoint: '', why: 'it ended', sinceWallMs: 0 } as const
const loss = { hop: 'ring', count: 7, firstSeq: 1, lastSeq: 7, fromNs: 0, untilNs: 0, leg: '' } as const

const STATES: readonly (readonly [state: string, word: RegExp, change: (model: LiveModel) => void])[] = [
  [
    'connecting',
    /Connecting to/,
    (model) => {
      model.setConnection({ state: 'connecting', endpoint: 'x', why: '' })
    },
  ],
  [
    'reconnecting',
    /RECONNECTING/,
    (model) => {
      model.setConnection(broken)
    },
  ],
  [
    'ended',
    /ENDED/,
    (model) => {
      model.setConnection({ state: 'ended', endpoint: '', why: '' })
    },
  ],
  [
    'lost',
    /LOST 7/,
    (model) => {
      model.accept({ type: 'loss', loss }, 0)
    },
  ],
  [
    'nobody looked',
    /NOT SEEN/,
    (model) => {
      model.accept({ type: 'started', agent: syntheticAgent({ bootId: 'b' }), nextSeq: 1 }, 0)
    },
  ],
  [
    'a leg is missing',
    /without gup/,
    (model) => {
      model.accept(heartbeatAt(1e9, [syntheticLeg('gup', { attached: false }), syntheticLeg('fork')]), 0)
    },
  ],
  ['a hazard', /3!.*HAZARD/s, syntheticJudgement],
  [
    'undecided',
    /9 undecided/,
    (model) => {
      model.ruleCounts([{ rule: 'R05', size: '4k', checked: 9, held: 0, broken: 0, unknown: 9 }])
    },
  ],
  [
    'filtered at the agent',
    /traced pid=812/,
    (model) => {
      model.setFilter({ pids: [812], comms: [] })
    },
  ],
]

function screen(model: LiveModel, state: ScreenState = INITIAL_STATE): string {
  const bare = model.snapshot()
  const snapshot = { ...bare, hosts: [hostRow(bare, true)], page: [] }
  const input: FrameInput = { snapshot, eventsSincePause: 3, wallMs: 5000 }
  return frameText(layoutFrame(input, state, { columns: 80, rows: 24 }, 'ascii'))
}

test.each(STATES)('%s is said in words', (_state, word, change) => {
  const model = new LiveModel('unix:///x')
  model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  expect(screen(model)).not.toMatch(word)
  change(model)
  expect(screen(model)).toMatch(word)
})

test('that nothing has come yet is said in words', () => {
  const model = new LiveModel('unix:///x')
  model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  expect(screen(model)).toContain('No events yet')
  for (const item of syntheticSecond(100, 5)) model.accept(item, 0)
  expect(screen(model)).not.toContain('No events yet')
})

test('every verdict is a word in the list of findings', () => {
  const model = new LiveModel('unix:///x')
  syntheticJudgement(model)
  const [one] = model.snapshot().findings
  const verdicts = ['violation', 'hazard', 'self-inflicted', 'advice', 'measured', 'unknown'] as const
  verdicts.forEach((verdict, index) => {
    model.finding({ ...one, finding: index + 11, verdict })
  })
  const text = screen(model, { ...INITIAL_STATE, view: 'findings', pane: 'findings' })
  for (const verdict of verdicts) expect(text).toMatch(new RegExp(`^R\\d+ +${verdict} `, 'm'))
})

test('paused, filtered and sorted are said in words or signs', () => {
  const model = new LiveModel('unix:///x')
  for (const item of syntheticSecond(100, 50)) model.accept(item, 0)
  expect(screen(model, { ...INITIAL_STATE, frozen: model.snapshot() })).toContain('PAUSED +3')
  const filter = { text: 'pid=800', terms: [{ field: 'pid', operator: '=', value: '800' }] } as const
  expect(screen(model, { ...INITIAL_STATE, filter })).toContain('only pid=800')
  expect(screen(model)).toMatch(/copiedv/)
})

test('without colour no colour is written; with sixteen only those of the terminal', () => {
  const colours = (palette: Palette) =>
    (['plain', 'dim', 'strong', 'title', 'good', 'warn', 'bad', 'accent', 'selected'] as const)
      .map((role) => styled('x', role, palette))
      .join('')
  expect(colours('none')).not.toMatch(/\x1b\[(?:[\d;]*;)?(?:3|4|9|10)\d/)
  expect(colours('basic')).not.toMatch(/[34]8;/)
})

test('every view and every list is reached by the keyboard', () => {
  const model = new LiveModel('unix:///x')
  const bare = model.snapshot()
  const snapshot = { ...bare, hosts: [], page: [] }
  const reached = new Set<string>()
  for (const { action } of BINDINGS.filter((binding) => binding.action.do === 'view')) {
    let state = INITIAL_STATE
    const options = { width: 80, charset: 'ascii' } as const
    state = act(state, action, snapshot, extentOf(snapshot, state, options))
    for (let tab = 0; tab < PANES_OF[state.view].length; tab++) {
      reached.add(state.pane)
      state = act(state, { do: 'next-pane' }, snapshot, extentOf(snapshot, state, options))
    }
    reached.add(state.view)
  }
  for (const place of [...VIEWS, ...PANES]) expect(reached).toContain(place)
})
