import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { INITIAL_STATE, type ScreenState } from '../screen/state.js'
import { PANES_OF, VIEWS } from '../screen/views.js'
import { parseFilter } from '../views/filter.js'

/** What `config.json` may say; each is one of the screen's own settings at its begin. */
const READERS: Readonly<Record<string, (value: unknown) => Partial<ScreenState> | undefined>> = {
  view: (value) => {
    const view = VIEWS.find((name) => name === value)
    return view === undefined ? undefined : { view, pane: PANES_OF[view][0] }
  },
  refresh_ms: (value) =>
    typeof value === 'number' && value >= 50 && value <= 60_000 ? { refreshMs: value } : undefined,
  filter: (value) => {
    const filter = typeof value === 'string' ? parseFilter(value) : { wrong: 'no text' }
    return 'wrong' in filter ? undefined : { filter }
  },
  sort: (value) =>
    typeof value === 'string'
      ? { orders: { ...INITIAL_STATE.orders, processes: { column: value, direction: 'natural' } } }
      : undefined,
}

/** Where the settings are, by the XDG base directories. */
export function settingsFile(env: NodeJS.ProcessEnv): string {
  const folder = env['XDG_CONFIG_HOME'] ?? ''
  return join(folder === '' ? join(homedir(), '.config') : folder, 'cowpath', 'config.json')
}

/** How the screen begins; nothing where there is no such file. Throws a CowpathError for one that cannot be meant. */
export function screenSettings(env: NodeJS.ProcessEnv): Partial<ScreenState> {
  const file = settingsFile(env)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return {}
  }
  const wrong = (why: string) =>
    new CowpathError({
      what: `cannot take the settings of ${file}`,
      why,
      todo: `it is a JSON object of ${Object.keys(READERS).join(', ')}`,
      exitStatus: ExitStatus.Usage,
    })
  let settings: unknown
  try {
    settings = JSON.parse(text)
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw wrong('it is no object')
  return Object.entries(settings).reduce<Partial<ScreenState>>((state, [name, value]) => {
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    if (read === undefined) throw wrong(`it knows no ${name}`)
    const setting = read(value)
    if (setting === undefined) throw wrong(`${name} cannot be ${JSON.stringify(value)}`)
    return { ...state, ...setting }
  }, {})
}
