import { expect, test } from 'vitest'
import { codeIn, referenceText } from './columns.js'

const pin = { kind: 'pin', write: 1, longterm: 1, taker: 'io_sqe_buffers_register' }
const frames = JSON.stringify(['gup_fast_fallback+0x5', '@libc.so.6+0x10f syscall+0x1f', '@fio+0x20'])

test('who took a reference is told with the code behind it, where its stack was taken', () => {
  expect(referenceText({ ...pin, frames })).toBe(
    'pin write longterm by io_sqe_buffers_register from fio+0x20',
  )
  expect(referenceText({ ...pin, frames: '[]' })).toBe('pin write longterm by io_sqe_buffers_register')
  expect(referenceText({ ...pin, taker: null, frames })).toBe('pin write longterm by fio+0x20')
  expect(referenceText({ ...pin, kind: null, frames: null })).toBeNull()
})

test('frames that somebody else wrote into a recording name no code', () => {
  for (const strange of ['', '{', '{"a":1}', '[1, null, {"@": 1}]']) expect(codeIn(strange)).toBe('')
})
