import { Recording } from '../store/recording.js'
import type { Charset } from '../views/printable.js'
import type { ViewOptions } from '../views/view-options.js'
import { printNote } from './output.js'

/** Opens a recording for one question, tells its remarks on stderr, and closes it whatever happens. */
export function withRecording<T>(path: string, step: (recording: Recording) => T): T {
  const recording = Recording.open(path)
  try {
    for (const remark of recording.remarks) printNote(remark)
    return step(recording)
  } finally {
    recording.close()
  }
}

/** Cells where stdout is no terminal: wide enough for every column. */
const WIDTH_OF_FILES = 160

/** How wide the reader's terminal is, and what it can show. */
export function outputOptions(env: NodeJS.ProcessEnv): ViewOptions {
  const locale = env.LC_ALL ?? env.LC_CTYPE ?? env.LANG ?? ''
  const charset: Charset = /utf-?8/i.test(locale) ? 'unicode' : 'ascii'
  return { width: process.stdout.isTTY ? process.stdout.columns : WIDTH_OF_FILES, charset }
}
