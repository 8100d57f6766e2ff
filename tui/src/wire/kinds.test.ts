import { expect, test } from 'vitest'
import { Flag, Foll, Kind, Mapping, Outcome, Protection, UffdReason } from '../model/kinds.js'
import { cowpath } from './generated/cowpath.js'

// Here, not beside kinds.ts: the model is below the wire and may not look up.

/** KIND_WP_FAULT as WpFault; aliases of both directions that the generated enum has are left out. */
function constants(generated: object, prefix: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(generated)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]): [string, unknown] => [camel(name.slice(prefix.length)), value]),
  )
}

function camel(name: string): string {
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

test('the constants of the hot path are those of the contract', () => {
  expect(Kind).toEqual(constants(cowpath.v1.Kind, 'KIND_'))
  expect(Outcome).toEqual(constants(cowpath.v1.Outcome, 'OUTCOME_'))
  expect({ None: 0, ...Flag }).toEqual(constants(cowpath.v1.Flag, 'FLAG_'))
  expect({ None: 0, ...Foll }).toEqual(constants(cowpath.v1.Foll, 'FOLL_'))
  expect(Mapping).toEqual(constants(cowpath.v1.Mapping, 'MAPPING_'))
  expect(Protection).toEqual(constants(cowpath.v1.Protection, 'PROTECTION_'))
  expect(UffdReason).toEqual(constants(cowpath.v1.UffdReason, 'UFFD_REASON_'))
})
