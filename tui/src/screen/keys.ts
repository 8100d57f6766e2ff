import type { Action } from './state.js'
import { VIEWS } from './views.js'

const PAGE_ROWS = 10
const ALL_ROWS = 1_000_000

interface Binding {
  /** As the terminal adapter names them. */
  readonly keys: readonly string[]
  readonly action: Action
  /** As people call them, for the help. */
  readonly shown: string
  readonly meaning: string
}

/** Every key there is: the help is made of this list, so it cannot leave one out. Bindings that share a line there say so by equal words. */
export const BINDINGS: readonly Binding[] = [
  { keys: ['q', 'C-c'], action: { do: 'quit' }, shown: 'q  ^C', meaning: 'quit' },
  { keys: ['?', 'h', 'f1'], action: { do: 'help' }, shown: '?  h  F1', meaning: 'this help, and back' },
  ...VIEWS.map((view, index) => ({
    keys: [`${index + 1}`],
    action: { do: 'view', view } as const,
    shown: `1 .. ${VIEWS.length}`,
    meaning: VIEWS.join(' '),
  })),
  ...pair(
    'left/right',
    'view before, view after',
    [['left'], { do: 'turn', views: -1 }],
    [['right'], { do: 'turn', views: 1 }],
  ),
  ...pair(
    '[ ]',
    'agent before, agent after',
    [['['], { do: 'turn-host', hosts: -1 }],
    [[']'], { do: 'turn-host', hosts: 1 }],
  ),
  {
    keys: ['enter'],
    action: { do: 'enter' },
    shown: 'Enter',
    meaning: 'all about the finding, page, rule or leg; show the agent',
  },
  {
    keys: ['p'],
    action: { do: 'page', page: null },
    shown: 'p',
    meaning: 'the page of the row or of the open finding; Esc goes back',
  },
  { keys: ['escape'], action: { do: 'back' }, shown: 'Esc', meaning: 'back; at the top, no filter' },
  ...pair(
    '/ :',
    'filter the rows (pid=812 kind=copy); command',
    [['/'], { do: 'prompt', kind: 'filter' }],
    [[':'], { do: 'prompt', kind: 'command' }],
  ),
  ...pair(
    ', .',
    'a recording: one second back, one on; J jumps',
    [[','], { do: 'step', seconds: -1 }],
    [['.'], { do: 'step', seconds: 1 }],
  ),
  {
    keys: ['S-j'],
    action: { do: 'prompt', kind: 'jump' },
    shown: ', .',
    meaning: 'a recording: one second back, one on; J jumps',
  },
  {
    keys: ['space'],
    action: { do: 'pause' },
    shown: 'space',
    meaning: 'pause the screen, counting goes on; a recording: play',
  },
  { keys: ['tab', 'S-tab'], action: { do: 'next-pane' }, shown: 'Tab', meaning: 'other list of the view' },
  ...pair(
    's S',
    'sort by the next column, the other way round',
    [['s'], { do: 'next-sort' }],
    [['S-s'], { do: 'reverse-sort' }],
  ),
  ...pair(
    "m '",
    'mark this place, list the marks',
    [['m'], { do: 'mark', text: '' }],
    [["'"], { do: 'marks' }],
  ),
  {
    keys: ['y'],
    action: { do: 'copy' },
    shown: 'y',
    meaning: 'copy the row (OSC 52); :save FILE saves the screen',
  },
  ...pair(
    'k/j up/down',
    'row up, row down',
    [['up', 'k'], { do: 'move', rows: -1 }],
    [['down', 'j'], { do: 'move', rows: 1 }],
  ),
  ...pair(
    '^U/^D PgUp/PgDn',
    'ten rows up, ten rows down',
    [['pageup', 'C-u'], { do: 'move', rows: -PAGE_ROWS }],
    [['pagedown', 'C-d'], { do: 'move', rows: PAGE_ROWS }],
  ),
  ...pair(
    'g/G Home/End',
    'first row, last row',
    [['g', 'home'], { do: 'move', rows: -ALL_ROWS }],
    [['S-g', 'end'], { do: 'move', rows: ALL_ROWS }],
  ),
  ...pair('+/-', 'refresh more often, less often', [['+', '='], { do: 'faster' }], [['-'], { do: 'slower' }]),
  { keys: ['C-z'], action: { do: 'suspend' }, shown: '^Z', meaning: 'suspend; fg brings it back' },
]

type KeysAndAction = readonly [keys: readonly string[], action: Action]

/** Two that are told in one line. */
function pair(
  shown: string,
  meaning: string,
  ...both: readonly [KeysAndAction, KeysAndAction]
): readonly Binding[] {
  return both.map(([keys, action]) => ({ keys, action, shown, meaning }))
}

const ACTIONS = new Map(BINDINGS.flatMap(({ keys, action }) => keys.map((key) => [key, action] as const)))

/** What a key does; undefined for keys that do nothing. */
export function actionOf(key: string): Action | undefined {
  return ACTIONS.get(key)
}
