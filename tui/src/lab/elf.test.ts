import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { programKind, section } from './elf.js'

test('node, linked against libraries, is dynamic; a script is a script; text is data', () => {
  expect(programKind(readFileSync(process.execPath))).toBe('dynamic')
  expect(programKind(Buffer.from('#!/bin/sh\n'))).toBe('script')
  expect(programKind(Buffer.from('hello'))).toBe('data')
})

test('an ELF without an interpreter is static, one for another machine is foreign', () => {
  const elf = Buffer.alloc(64)
  elf.write('\x7fELF\x02\x01', 'latin1')
  elf.writeUInt16LE(2, 16)
  elf.writeUInt16LE(62, 18)
  expect(programKind(elf)).toBe('static')
  elf.writeUInt16LE(183, 18)
  expect(programKind(elf)).toBe('foreign')
})

test('no bytes make the reader throw', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 200 }).map((rest) => {
    const elf = Buffer.concat([Buffer.from('\x7fELF\x02\x01', 'latin1'), rest])
    if (elf.length > 20) elf.writeUInt16LE(62, 18)
    if (elf.length > 20) elf.writeUInt16LE(2, 16)
    return elf
  })
  fc.assert(
    fc.property(bytes, (elf) => {
      programKind(elf)
      section(elf, '.modinfo')
    }),
  )
})
