import { expect, test } from 'vitest'
import { codeOf, takerWords } from './code.js'

test('the code behind a request is the innermost that is not of the C library, else that', () => {
  const kernel = ['gup_fast_fallback+0x5', 'io_sqe_buffers_register+0x40']
  expect(codeOf(kernel)).toBe('')
  expect(codeOf([...kernel, '@libc.so.6+0x10f0 syscall+0x1f', '@fio+0x20 main+0x10'])).toBe(
    'fio+0x20 main+0x10',
  )
  expect(codeOf(['@libc.so.6+0x10f0', '@ld-linux-x86-64.so.2+0x9'])).toBe('libc.so.6+0x10f0')
  expect(codeOf(['@0x7f0012340000'])).toBe('0x7f0012340000')
})

test('a taker is told with its code as far as either is known', () => {
  expect(takerWords('vfio_pin_pages_remote', '')).toBe('vfio_pin_pages_remote')
  expect(takerWords('', 'fio+0x20')).toBe('fio+0x20')
  expect(takerWords('io_sqe_buffers_register', 'fio+0x20')).toBe('io_sqe_buffers_register from fio+0x20')
})
