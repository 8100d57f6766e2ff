import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from './printable.js'
import { clip, fit, textWidth } from './width.js'

// Any code points, not only well-formed words: this is what a process may call itself.
const anyText = fc.string({ unit: 'binary', maxLength: 40 })

test('plain ASCII stays as it is', () => {
  expect(printable('redis-server [bgsave] 100%')).toBe('redis-server [bgsave] 100%')
})

test('a terminal escape is shown, not obeyed', () => {
  expect(printable('\x1b[2J\x1b]0;title\x07')).toBe('\\x1b[2J\\x1b]0;title\\x07')
})

test('C1 controls, bidirectional overrides and invisible characters are shown', () => {
  expect(printable('\x9b31m')).toBe('\\x9b31m')
  expect(printable('a\u202eb\u200bc\u2066')).toBe('a\\u{202e}b\\u{200b}c\\u{2066}')
})

test('a backslash is doubled, so that an escape can be told from its spelling', () => {
  expect(printable('\\x1b')).toBe('\\\\x1b')
})

test('a combining mark is composed where it can be, else shown as an escape', () => {
  expect(printable('cafe\u0301')).toBe('café')
  expect(printable('x\u0301')).toBe('x\\u{301}')
})

test('letters of other scripts stay; emoji, of which terminals disagree how wide they are, do not', () => {
  expect(printable('日本語 Ωμέγα привет')).toBe('日本語 Ωμέγα привет')
  expect(printable('🐄')).toBe('\\u{1f404}')
})

test('a terminal without Unicode gets ASCII only', () => {
  expect(printable('日本', 'ascii')).toBe('\\u{65e5}\\u{672c}')
})

test('whatever comes in, nothing that could act on a terminal goes out', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{M}]/u)
      expect(printable(text, 'ascii')).toMatch(/^[ -~]*$/)
    }),
    { numRuns: 2000 },
  )
})

test('clip and fit keep to their cells for every text', () => {
  fc.assert(
    fc.property(anyText, fc.nat(30), (text, width) => {
      const safe = printable(text)
      expect(textWidth(clip(safe, width))).toBeLessThanOrEqual(width)
      expect(textWidth(fit(safe, width))).toBe(width)
      expect(textWidth(fit(safe, width, 'right'))).toBe(width)
    }),
    { numRuns: 2000 },
  )
})

test('a wide character that would be cut in half is left out whole', () => {
  expect(fit('日本語', 4)).toBe('日… ')
  expect(clip('日本語', 6)).toBe('日本語')
})
