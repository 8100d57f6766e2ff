/** What the script tells, and the number fields that a line of it must have. */
const FIELDS = {
  cowpath: ['version', 'pid'],
  host: [],
  wall: [],
  ready: [],
  beat: [],
  fork: ['pid', 'tid', 'child'],
  exec: ['pid', 'tid'],
  'mm-exit': ['pid', 'tid'],
  unmap: ['pid', 'tid', 'from', 'to'],
  'fork-vma': ['pid', 'tid', 'from', 'until', 'anon', 'failed'],
  wp: ['pid', 'tid', 'at', 'fault', 'refs', 'maps', 'bits', 'kept'],
  'wp-end': ['pid', 'tid', 'result'],
  anon: ['pid', 'tid', 'at', 'pfn', 'refs', 'large', 'second', 'older', 'forking', 'kept'],
  gup: ['pid', 'tid', 'at', 'flags'],
  'gup-end': ['pid', 'tid', 'taken'],
  'gup-page': ['pid', 'tid', 'i', 'pfn', 'refs', 'maps', 'bits', 'kept'],
  unpin: ['pid', 'tid', 'pfn', 'count'],
  cut: ['pid', 'tid', 'count'],
  free: ['pid', 'tid', 'pfn', 'order'],
} as const satisfies Record<string, readonly string[]>

/** Fields of 64 bits, kept as they are written: names of address spaces, PTEs, VM_ flags. */
const WORDS: Partial<Record<ToldKind, readonly string[]>> = {
  fork: ['mm', 'to'],
  exec: ['mm'],
  'mm-exit': ['mm'],
  unmap: ['mm', 'vm'],
  'fork-vma': ['mm', 'to', 'vm'],
  wp: ['mm', 'vm', 'pte'],
  'wp-end': ['pte'],
  anon: ['mm', 'vm'],
  gup: ['mm'],
}

/** Fields of text, the last of their line. */
const TEXTS: Partial<Record<ToldKind, string>> = {
  cowpath: 'release',
  host: 'name',
  wall: 'at',
  fork: 'comm',
  exec: 'comm',
  anon: 'comm',
  gup: 'by',
  unpin: 'by',
}

export type ToldKind = keyof typeof FIELDS

/** A line of the script, read. */
export interface Told {
  readonly kind: ToldKind
  /** Of its processor: the number of this line, from 1. */
  readonly n: number
  readonly cpu: number
  readonly timeNs: number
  readonly number: (name: string) => number
  readonly word: (name: string) => bigint
  readonly text: string
}

const HEX = /^[0-9a-f]{1,16}$/
/** Identities are columns of 32 bits. */
const OF_32_BITS: ReadonlySet<string> = new Set(['pid', 'tid', 'child', 'cpu', 'refs', 'maps'])

/** Reads one line of the script; undefined where it is none, or not whole. */
export function told(line: string): Told | undefined {
  const kind = line.slice(0, line.search(/ |$/))
  if (!isKind(kind)) return undefined
  const textName = TEXTS[kind]
  const textAt = textName === undefined ? line.length : line.indexOf(` ${textName}=`)
  // Cut off within its numbers, or before its text.
  if (textAt < 0 || !line.endsWith('\n')) return undefined
  const written = new Map<string, string>()
  for (const field of line.slice(kind.length, textAt).trim().split(' ')) {
    const [name, value] = field.split('=', 2)
    written.set(name, value)
  }
  const numbers = new Map<string, number>()
  for (const name of ['n', 'cpu', 't', ...FIELDS[kind]]) {
    const value = hex(written.get(name))
    if (value === undefined || (OF_32_BITS.has(name) && value > 0xffff_ffff)) return undefined
    numbers.set(name, value)
  }
  const words = new Map<string, bigint>()
  for (const name of WORDS[kind] ?? []) {
    const value = written.get(name)
    if (value === undefined || !HEX.test(value)) return undefined
    words.set(name, BigInt(`0x${value}`))
  }
  return {
    kind,
    n: numbers.get('n') ?? 0,
    cpu: numbers.get('cpu') ?? 0,
    timeNs: numbers.get('t') ?? 0,
    number: (name) => numbers.get(name) ?? 0,
    word: (name) => words.get(name) ?? 0n,
    text: textName === undefined ? '' : line.slice(textAt + textName.length + 2, -1),
  }
}

function isKind(word: string): word is ToldKind {
  return Object.hasOwn(FIELDS, word)
}

function hex(written: string | undefined): number | undefined {
  if (written === undefined || !HEX.test(written)) return undefined
  const value = Number.parseInt(written, 16)
  return Number.isSafeInteger(value) ? value : undefined
}
