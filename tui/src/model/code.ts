/** How a frame in user mode begins in a stack: `Stack.frames` of proto/cowpath/v1/event.proto. */
const USER = '@'

/** What programs ask the kernel through: the C library and the loader, the vdso. */
const BETWEEN = /^@(libc[.-]|ld[.-]|ld-linux|libpthread|libaio|liburing|\[v)/

/**
 * The code that made the kernel do it: the innermost frame in user mode that is not of the C library, else the innermost.
 * `module+0xoffset symbol+0xoffset` or `0xaddress`; empty: no stack in user mode was taken.
 */
export function codeOf(frames: readonly string[]): string {
  const user = frames.filter((frame) => frame.startsWith(USER))
  return (user.find((frame) => !BETWEEN.test(frame)) ?? user.at(0) ?? '').slice(USER.length)
}

/** Who took a reference, as one word: the kernel's function that asked, the code behind that, or both. */
export function takerWords(taker: string, code: string): string {
  return code === '' ? taker : taker === '' ? code : `${taker} from ${code}`
}
