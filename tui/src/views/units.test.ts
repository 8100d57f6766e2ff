import { expect, test } from 'vitest'
import { bytes, count, duration, pageAddress, sinceBoot } from './units.js'

test('counts have thousands separators', () => {
  expect([0, 999, 1000, 1234567].map(count)).toEqual(['0', '999', '1,000', '1,234,567'])
})

test('bytes are binary, with three digits', () => {
  expect([0, 4096, 1023, 1048576, 1.5 * 2 ** 30, 1023.9 * 1024].map(bytes)).toEqual([
    '0 B',
    '4.00 KiB',
    '1023 B',
    '1.00 MiB',
    '1.50 GiB',
    '1.00 MiB',
  ])
})

test('durations take the unit that fits', () => {
  expect([850, 12_000, 12e6, 3.2e9, 59.96e9, 245e9, 7620e9, 3 * 86400e9 + 4 * 3600e9].map(duration)).toEqual([
    '850 ns',
    '12.0 us',
    '12.0 ms',
    '3.2 s',
    '1m00s',
    '4m05s',
    '2h07m',
    '3d04h',
  ])
})

test('an address is the page number shifted, in hex, beyond 32 bits', () => {
  expect(pageAddress(0x7f5e1c200)).toBe('0x7f5e1c200000')
})

test('times are seconds since boot, as dmesg writes them', () => {
  expect(sinceBoot(1_234_567_890_123)).toBe('1234.567890')
})
