import { parseOperation, type Operation } from '../../src/policy/simulator/operations.js'

/** A run as a complaint of these tests prints it, so that what was found once can be named in a test. */
export function runOf(text: string): readonly Operation[] {
  return text.split(', ').map((words) => {
    const operation = parseOperation(words)
    if (!operation) throw new Error(`no operation "${words}"`)
    return operation
  })
}
