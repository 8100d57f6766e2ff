import blessed from 'blessed'
import { expect, test } from 'vitest'
import { printable } from '../views/printable.js'
import { textWidth } from '../views/width.js'
import { choosePalette, localeIsUtf8, styled } from './theme.js'

test('NO_COLOR leaves no colour at all', () => {
  expect(choosePalette({ NO_COLOR: '1', TERM: 'xterm-256color' })).toBe('none')
  expect(choosePalette({ NO_COLOR: '', TERM: 'xterm-256color' })).toBe('rich')
  expect(choosePalette({ TERM: 'linux' })).toBe('basic')
  expect(styled('LOST 3', 'bad', 'none')).toBe('\x1b[1;7mLOST 3\x1b[m')
})

test('the locale decides about Unicode, by the order of setlocale', () => {
  expect(localeIsUtf8({ LANG: 'C.UTF-8' })).toBe(true)
  expect(localeIsUtf8({ LC_ALL: 'C', LANG: 'C.UTF-8' })).toBe(false)
  expect(localeIsUtf8({ LC_ALL: '', LC_CTYPE: 'de_DE.utf8' })).toBe(true)
  expect(localeIsUtf8({})).toBe(false)
})

test('blessed takes every printable character to be as wide as we do', () => {
  const { charWidth } = (blessed as unknown as { unicode: { charWidth: (text: string) => number } }).unicode
  const differ = []
  for (let code = 0x20; code < 0x10000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue
    const char = String.fromCodePoint(code)
    if (
      printable(char) === char.normalize('NFC') &&
      charWidth(char.normalize('NFC')) !== textWidth(printable(char))
    ) {
      differ.push(code.toString(16))
    }
  }
  expect(differ).toEqual([])
})
