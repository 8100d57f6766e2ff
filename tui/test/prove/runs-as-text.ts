import {
  AREA_OPERATIONS,
  GUP_ASKS,
  operationText,
  SLOT_OPERATIONS,
  type Operation,
} from '../../src/policy/simulator/operations.js'

/** A run as a complaint of these tests prints it, so that what was found once can be named in a test. */
export function runOf(text: string): readonly Operation[] {
  return text.split(', ').map((words) => {
    const operation = candidates(words).find((one) => operationText(one) === words)
    if (!operation) throw new Error(`no operation "${words}"`)
    return operation
  })
}

/** Every operation with the numbers of the text. */
function candidates(words: string): readonly Operation[] {
  const numberIn = (pattern: RegExp) => Number(pattern.exec(words)?.at(1) ?? 0)
  const pin = numberIn(/pin (\d+)$/)
  const mm = numberIn(/mm (\d+)/)
  const area = numberIn(/slot (\d+)/)
  const page = numberIn(/slot \d+\.(\d+)/)
  return [
    { name: 'settle' },
    ...(['release', 'device-write', 'device-read'] as const).map((name) => ({ name, pin })),
    ...(['fork', 'exit'] as const).map((name) => ({ name, mm })),
    ...AREA_OPERATIONS.map((name) => ({ name, mm, area })),
    ...SLOT_OPERATIONS.map((name) => ({ name, mm, area, page })),
    ...GUP_ASKS.map((ask) => ({ name: 'gup' as const, mm, area, page, ask })),
  ]
}
