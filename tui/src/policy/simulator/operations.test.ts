import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AREA_OPERATIONS,
  operationText,
  parseOperation,
  SLOT_OPERATIONS,
  type Operation,
} from './operations.js'

const mm = fc.constantFrom(0, 1)
const area = fc.nat(999)
const page = fc.nat(999)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constant<Operation>({ name: 'settle' }),
  fc.record({ name: fc.constantFrom('fork' as const, 'exit' as const), mm }),
  fc.record({
    name: fc.constantFrom('release' as const, 'device-write' as const, 'device-read' as const),
    pin: fc.nat(999_999),
  }),
  fc.record({ name: fc.constantFrom(...SLOT_OPERATIONS), mm, area, page }),
  fc.record({ name: fc.constantFrom(...AREA_OPERATIONS), mm, area }),
  fc.record({
    name: fc.constant('gup' as const),
    mm,
    area,
    page,
    ask: fc.record({
      kind: fc.constantFrom('pin' as const, 'get' as const),
      write: fc.boolean(),
      longterm: fc.boolean(),
    }),
  }),
)

test('an operation is read as it is written', () => {
  fc.assert(
    fc.property(operation, (one) => {
      expect(parseOperation(operationText(one))).toEqual(one)
    }),
  )
})

test('what is no operation is none, whatever it is', () => {
  for (const text of [
    '',
    'write',
    'write mm 2 slot 0',
    'fork mm 0 slot 0',
    'read-get pin 1',
    'write mm 0 slot 0.0.0',
  ])
    expect(parseOperation(text), text).toBeUndefined()
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = parseOperation(text)
      if (read !== undefined) expect(parseOperation(operationText(read))).toEqual(read)
    }),
  )
})
