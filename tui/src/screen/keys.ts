import type { Action } from './state.js'

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

/** Every key there is: the help is made of this list, so it cannot leave one out. */
export const BINDINGS: readonly Binding[] = [
  { keys: ['q', 'C-c'], action: { do: 'quit' }, shown: 'q  ^C', meaning: 'quit' },
  { keys: ['?', 'h', 'f1'], action: { do: 'help' }, shown: '?  h  F1', meaning: 'this help, and back' },
  { keys: ['escape'], action: { do: 'back' }, shown: 'Esc', meaning: 'back' },
  {
    keys: ['space'],
    action: { do: 'pause' },
    shown: 'space',
    meaning: 'pause the screen; counting and recording go on',
  },
  { keys: ['tab', 'S-tab'], action: { do: 'next-pane' }, shown: 'Tab', meaning: 'other pane' },
  { keys: ['s'], action: { do: 'next-sort' }, shown: 's', meaning: 'sort processes by the next column' },
  { keys: ['S-s'], action: { do: 'reverse-sort' }, shown: 'S', meaning: 'sort the other way round' },
  { keys: ['up', 'k'], action: { do: 'move', rows: -1 }, shown: 'up  k', meaning: 'one row up' },
  { keys: ['down', 'j'], action: { do: 'move', rows: 1 }, shown: 'down  j', meaning: 'one row down' },
  {
    keys: ['pageup', 'C-u'],
    action: { do: 'move', rows: -PAGE_ROWS },
    shown: 'PgUp  ^U',
    meaning: 'ten rows up',
  },
  {
    keys: ['pagedown', 'C-d'],
    action: { do: 'move', rows: PAGE_ROWS },
    shown: 'PgDn  ^D',
    meaning: 'ten rows down',
  },
  { keys: ['g', 'home'], action: { do: 'move', rows: -ALL_ROWS }, shown: 'g  Home', meaning: 'first row' },
  { keys: ['S-g', 'end'], action: { do: 'move', rows: ALL_ROWS }, shown: 'G  End', meaning: 'last row' },
  { keys: ['+', '='], action: { do: 'faster' }, shown: '+', meaning: 'refresh more often' },
  { keys: ['-'], action: { do: 'slower' }, shown: '-', meaning: 'refresh less often' },
  { keys: ['C-z'], action: { do: 'suspend' }, shown: '^Z', meaning: 'suspend; fg brings it back' },
]

const ACTIONS = new Map(BINDINGS.flatMap(({ keys, action }) => keys.map((key) => [key, action] as const)))

/** What a key does; undefined for keys that do nothing. */
export function actionOf(key: string): Action | undefined {
  return ACTIONS.get(key)
}
