import type { StackInfo } from '../model/events.js'

/** Different stacks that are kept apart; what comes beyond has none. */
const MOST_STACKS = 4096
const MOST_FRAMES = 24
const MOST_SYMBOL_CHARACTERS = 128

/** Functions that a reference passes through on its way to who asked: as in agent/src/collect/stacks.rs. */
const PLUMBING =
  /^(_*gup_|_*get_user_pages|pin_user_pages|internal_get_user_pages|__access_remote_vm|vaddr_get_pfns|_*iov_iter_|io_pin_pages|io_sqe_buffer_register|process_vm_rw_core|process_vm_rw_single_vec|extract_user_to_sg|_*bio_iov_|iomap_dio_bio_iter|_*bpf_|ftrace_|k(ret)?probe_)/

/** Stacks as bpftrace prints them, `symbol+DECIMAL` a line, each told once. */
export class Stacks {
  readonly #numbers = new Map<string, number>()
  #fresh: StackInfo[] = []

  /** The number of a stack; 0 where nothing can be read, or where there are too many. */
  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const frames = text.split('\n').flatMap(frameOf).slice(0, MOST_FRAMES)
    if (frames.length === 0 || this.#numbers.size >= MOST_STACKS) return 0
    const stack = this.#numbers.size + 1
    this.#numbers.set(text, stack)
    const functions = frames.map((frame) => frame.replace(/[.+].*$/, ''))
    const taker = functions.find((name) => !PLUMBING.test(name)) ?? ''
    this.#fresh.push({ stack, taker, frames })
    return stack
  }

  /** Those that were not told yet. */
  takeFresh(): readonly StackInfo[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }
}

/** The function that a stack begins with: the one that the script hooks. */
export function innermost(text: string): string {
  return /^\s*([A-Za-z_]\w*)/.exec(text)?.[1] ?? ''
}

function frameOf(line: string): string[] {
  const found = /^\s*([A-Za-z_][\w.]*)\+(\d{1,9})\s*$/.exec(line)
  if (found === null || found[1].length > MOST_SYMBOL_CHARACTERS) return []
  return [`${found[1]}+0x${Number(found[2]).toString(16)}`]
}
