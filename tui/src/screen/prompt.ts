import type { ScreenState } from './state.js'

/** What a typed line is for: `/`, `:`, `J`. */
export type PromptKind = 'filter' | 'command' | 'jump'

/** A line that is being typed. */
export interface Prompt {
  readonly kind: PromptKind
  readonly text: string
  /** Lines that were typed before, oldest first, and which of them is shown: their number where none is. */
  readonly history: readonly string[]
  readonly at: number
  /** What was typed before the history was looked through. */
  readonly draft: string
}

const LONGEST = 400
const HISTORY = 100

/** An empty line; a filter begins with the one that is in force. */
export function openPrompt(kind: PromptKind, state: ScreenState): Prompt {
  const text = kind === 'filter' ? (state.filter?.text ?? '') : ''
  const history = state.histories[kind]
  return { kind, text, history, at: history.length, draft: text }
}

/** What a key does to the line; `done` and `left` end it. */
export type Edited = { readonly prompt: Prompt } | { readonly done: string } | 'left'

/**
 * `char` is what the key types, undefined where it types nothing. `complete` gives the ends that the line may have.
 */
export function editPrompt(
  prompt: Prompt,
  key: string,
  char: string | undefined,
  complete: (text: string) => readonly string[],
): Edited {
  switch (key) {
    case 'enter':
    case 'return':
      return { done: prompt.text }
    case 'escape':
    case 'C-c':
      return 'left'
    case 'backspace':
      // As in less and vi: erasing the last character leaves the line.
      return prompt.text === '' ? 'left' : typed(prompt, withoutLast(prompt.text))
    case 'C-u':
      return typed(prompt, '')
    case 'C-w':
      return typed(prompt, prompt.text.replace(/\S+\s*$/, ''))
    case 'up':
    case 'C-p':
      return lookedUp(prompt, prompt.at - 1)
    case 'down':
    case 'C-n':
      return lookedUp(prompt, prompt.at + 1)
    case 'tab':
      return typed(prompt, completed(prompt.text, complete(prompt.text)))
    default: {
      const isText = char !== undefined && !/\p{C}/u.test(char)
      return isText && prompt.text.length < LONGEST ? typed(prompt, prompt.text + char) : { prompt }
    }
  }
}

/** The history with one line more, without its twin. */
export function remembered(history: readonly string[], line: string): readonly string[] {
  return line.trim() === '' ? history : [...history.filter((old) => old !== line), line].slice(-HISTORY)
}

function typed(prompt: Prompt, text: string): Edited {
  return { prompt: { ...prompt, text, draft: text, at: prompt.history.length } }
}

function lookedUp(prompt: Prompt, to: number): Edited {
  const at = Math.min(prompt.history.length, Math.max(0, to))
  return { prompt: { ...prompt, at, text: prompt.history.at(at) ?? prompt.draft } }
}

/** As far as all possible ends agree. */
function completed(text: string, candidates: readonly string[]): string {
  const [first, ...others] = candidates
  if (candidates.length === 0) return text
  let common = first
  for (const other of others) while (!other.startsWith(common)) common = common.slice(0, -1)
  return common.length > text.length ? common : text
}

/** What people take for one character may be several to a machine. */
function withoutLast(text: string): string {
  return [...new Intl.Segmenter().segment(text)]
    .slice(0, -1)
    .map(({ segment }) => segment)
    .join('')
}
