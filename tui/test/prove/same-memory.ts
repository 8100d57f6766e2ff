import type { Memory } from '../../src/policy/simulator/memory.js'

/** Whether nothing differs between them, not even a number. What tells no event and leaves memory like that has done nothing. */
export function isSameMemory(a: Memory, b: Memory): boolean {
  return isSame(a, b)
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!isObject(a) || !isObject(b)) return false
  for (const name in a) if (!isSame(a[name], b[name])) return false
  return Object.keys(a).length === Object.keys(b).length
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
