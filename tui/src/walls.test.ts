import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const source = dirname(fileURLToPath(import.meta.url))

/** The house, from the ground up: a room imports only from floors below its own, and from itself. */
const FLOORS: readonly (readonly string[])[] = [
  ['model', 'lab'],
  ['policy', 'history', 'store', 'wire', 'import', 'views'],
  ['rules', 'screen', 'report'],
  ['pipeline'],
  ['commands'],
  ['main', 'bench'],
]

/** Rooms of one floor do not see each other; `model` is what all share. */
const SAME_FLOOR_ALLOWED: readonly string[] = ['lab imports model', 'bench imports main']

interface Import {
  readonly file: string
  readonly target: string
}

function sourceFiles(): readonly string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(source, name))
}

/** The room of a path: its folder below tui/src, or the file's own name there. */
function roomOf(path: string): string {
  return relative(source, path)
    .split('/')[0]
    .replace(/\.(test\.)?[jt]s$/, '')
}

function imports(): readonly Import[] {
  return sourceFiles().flatMap((file) => {
    const text = readFileSync(file, 'utf8')
    const found = text.matchAll(
      /^\s*(?:import|export)\b[^'"]*?from\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm,
    )
    return [...found].map(([, statical, dynamical]) => ({
      file,
      target: resolve(dirname(file), statical || dynamical),
    }))
  })
}

function breaksWall({ file, target }: Import): boolean {
  const [from, to] = [roomOf(file), roomOf(target)]
  // The tests of the whole are no part of the house.
  if (from === to || from === 'walls') return false
  return floorOf(to) >= floorOf(from) && !SAME_FLOOR_ALLOWED.includes(`${from} imports ${to}`)
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room))
}

function shown({ file, target }: Import): string {
  return `${relative(source, file)} imports ${relative(source, target)}`
}

test('every room is on a floor', () => {
  const rooms = new Set(sourceFiles().map(roomOf))
  rooms.delete('walls')
  expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([])
})

test('imports go only downwards', () => {
  expect(imports().filter(breaksWall).map(shown)).toEqual([])
})

test('the walls hold what they claim: an import upwards or across is found', () => {
  const at = (file: string, target: string) =>
    breaksWall({ file: join(source, file), target: join(source, target) })
  expect(at('screen/x.ts', 'commands/y.js')).toBe(true)
  expect(at('screen/x.ts', 'report/y.js')).toBe(true)
  expect(at('views/x.ts', 'wire/y.js')).toBe(true)
  expect(at('screen/x.ts', 'views/y.js')).toBe(false)
})

test('the search for imports sees those of this very client', () => {
  expect(imports().map(shown)).toContain('main.ts imports commands/failing.js')
})

test('history imports nothing of ours but model', () => {
  const rooms = imports()
    .filter(({ file }) => roomOf(file) === 'history')
    .map(({ target }) => roomOf(target))
  expect([...new Set(rooms)].filter((room) => room !== 'history' && room !== 'model')).toEqual([])
})

test('the screen imports neither wire nor store', () => {
  const rooms = imports()
    .filter(({ file }) => roomOf(file) === 'screen')
    .map(({ target }) => roomOf(target))
  expect(rooms).not.toContain('wire')
  expect(rooms).not.toContain('store')
})

test('only the adapter in screen/terminal.ts imports blessed', () => {
  const users = sourceFiles().filter((file) => /from 'blessed'/.test(readFileSync(file, 'utf8')))
  expect(users.map((file) => relative(source, file)).filter((file) => !file.endsWith('.test.ts'))).toEqual([
    'screen/terminal.ts',
  ])
})
