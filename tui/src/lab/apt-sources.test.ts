import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { findMirrors, parseDeb822, parseOneLine } from './apt-sources.js'

const DEB822 = `# comment
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Enabled: no

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
`

test('deb822 sources give binary suites, without those switched off', () => {
  expect(parseDeb822(DEB822)).toEqual([
    { uri: 'http://mirror.example/debian', suite: 'bookworm' },
    { uri: 'http://mirror.example/debian', suite: 'bookworm-updates' },
  ])
})

test('one-line sources give binary suites, with or without options', () => {
  const text =
    'deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian/ trixie main\n# deb http://b.example x y\ndeb-src http://c.example/debian trixie main\ndeb http://d.example/debian-security trixie-security main\n'
  expect(parseOneLine(text)).toEqual([
    { uri: 'http://a.example/debian', suite: 'trixie' },
    { uri: 'http://d.example/debian-security', suite: 'trixie-security' },
  ])
})

function apt(sources: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  mkdirSync(join(directory, 'sources.list.d'))
  writeFileSync(join(directory, 'sources.list.d', 'x.sources'), sources)
  return directory
}

test('the security mirror is looked for beside the archive when apt names none', () => {
  expect(findMirrors({}, apt(DEB822))).toEqual({
    debian: ['http://mirror.example/debian'],
    security: ['http://mirror.example/debian-security'],
  })
})

test('other archives than Debian are no mirrors, and without any the error says what to set', () => {
  const other = apt('Types: deb\nURIs: http://node.example/node\nSuites: nodistro\n')
  expect(() => findMirrors({}, other)).toThrow(/COWPATH_MIRROR/)
})

test('COWPATH_MIRROR goes before apt', () => {
  expect(
    findMirrors({ COWPATH_MIRROR: 'http://m.example/debian/ http://s.example/sec' }, apt(DEB822)),
  ).toEqual({
    debian: ['http://m.example/debian'],
    security: ['http://s.example/sec'],
  })
})
