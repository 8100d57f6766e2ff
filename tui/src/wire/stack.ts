import type { StackInfo } from '../model/events.js'
import type { TakenStacks } from '../model/stacks.js'
import { type Cursor, DecodeError } from './cursor.js'
import { cowpath } from './generated/cowpath.js'

const { v1 } = cowpath

/** What a client may ask for. */
export type WantedStacks = Exclude<TakenStacks, 'none'>

/** By the words that people use. */
export const STACKS: Readonly<Record<TakenStacks, cowpath.v1.Stacks>> = {
  none: v1.Stacks.STACKS_NONE,
  kernel: v1.Stacks.STACKS_KERNEL,
  user: v1.Stacks.STACKS_USER,
  both: v1.Stacks.STACKS_BOTH,
}

/** As an agent says it; undefined: it is older and does not say. */
export function takenStacks(number: cowpath.v1.Stacks): TakenStacks | undefined {
  return Object.entries(STACKS).find(([, value]) => value === number)?.[0] as TakenStacks | undefined // by its keys
}

/** Of a batch. An agent sends one an event at most, of 1,024. */
export const MAX_STACKS = 4096
/** The kernel walks 127 frames at most (PERF_MAX_STACK_DEPTH, include/uapi/linux/perf_event.h), user frames as many. */
const MAX_FRAMES = 256
/** The kernel's own bound of a symbol (KSYM_NAME_LEN, include/linux/kallsyms.h), its offset and module with room. */
const MAX_SYMBOL_BYTES = 512 + 64

/** Reads a Stack by hand, so that a hostile one ends before it has become 2^20 strings. Throws only DecodeError. */
export function stackOf(message: Cursor): StackInfo {
  let stack = 0
  let taker = ''
  const frames: string[] = []
  while (!message.done) {
    const tag = message.tag()
    switch (tag) {
      case (1 << 3) | 0:
        stack = message.uint32()
        break
      case (2 << 3) | 2:
        taker = symbolOf(message.nested())
        break
      case (3 << 3) | 2:
        frames.push(symbolOf(message.nested()))
        if (frames.length > MAX_FRAMES) throw new DecodeError(`a stack of ${frames.length} frames or more`)
        break
      default:
        message.skip(tag & 7)
    }
  }
  return { stack, taker, frames }
}

function symbolOf(text: Cursor): string {
  const bytes = text.rest()
  if (bytes.length > MAX_SYMBOL_BYTES) throw new DecodeError(`a symbol of ${bytes.length} bytes`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}
