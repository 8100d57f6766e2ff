import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { screenSettings } from './settings.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-settings-'))
  mkdirSync(join(folder, 'cowpath'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function settings(text: string) {
  writeFileSync(join(folder, 'cowpath', 'config.json'), text)
  return screenSettings({ XDG_CONFIG_HOME: folder })
}

test('without a file the screen begins as it is', () => {
  expect(screenSettings({ XDG_CONFIG_HOME: join(folder, 'nowhere') })).toEqual({})
})

test('the file says how the screen begins', () => {
  expect(settings('{"view": "findings", "refresh_ms": 100, "sort": "copies"}')).toMatchObject({
    view: 'findings',
    pane: 'findings',
    refreshMs: 100,
    orders: { processes: { column: 'copies', direction: 'natural' } },
  })
})

test.each([
  ['{', 'JSON'],
  ['[]', 'it is no object'],
  ['{"colour": 1}', 'it knows no colour'],
  ['{"toString": 1}', 'it knows no toString'],
  ['{"view": "nothing"}', 'view cannot be "nothing"'],
  ['{"refresh_ms": 1}', 'refresh_ms cannot be 1'],
  ['{"filter": "=5"}', 'filter cannot be "=5"'],
])('%s is refused in one line that says what may stand there', (text, why) => {
  expect(() => settings(text)).toThrow(why)
  expect(() => settings(text)).toThrow('refresh_ms, filter, sort')
})
