import fc from 'fast-check'
import { expect, test } from 'vitest'
import { completions } from './command-line.js'
import { editPrompt, openPrompt, remembered, type Prompt } from './prompt.js'
import { INITIAL_STATE } from './state.js'

const empty = openPrompt('command', INITIAL_STATE)
const complete = (text: string) => completions(text, ['copied', 'copies', 'pid'])

/** Keys one after the other, a single character typing itself. */
function typing(prompt: Prompt, ...keys: readonly string[]): Prompt {
  return keys.reduce((line, key) => {
    const edited = editPrompt(line, key, key.length === 1 ? key : undefined, complete)
    if (edited === 'left' || 'done' in edited) throw new Error(`${key} ended the line`)
    return edited.prompt
  }, prompt)
}

test('what is typed is the line; backspace takes what people see as one character', () => {
  expect(typing(empty, 'v', 'i', 'é', '日', 'backspace').text).toBe('vié')
  expect(typing({ ...empty, text: 'x👩‍👩‍👧' }, 'backspace').text).toBe('x')
  expect(typing({ ...empty, text: 'view rules' }, 'C-w').text).toBe('view ')
  expect(editPrompt(empty, 'backspace', undefined, complete)).toBe('left')
})

test('Tab goes on as far as there is one way', () => {
  expect(typing(empty, 'v', 'tab').text).toBe('view ')
  expect(typing({ ...empty, text: 'sort cop' }, 'tab').text).toBe('sort copie')
  expect(typing({ ...empty, text: 'sort copied' }, 'tab').text).toBe('sort copied')
  expect(typing({ ...empty, text: 'mar' }, 'tab').text).toBe('mark')
})

test('up and down go through what was typed before, and back to what was begun', () => {
  const prompt = { ...empty, history: ['one', 'two'], at: 2 }
  expect(typing(prompt, 'x', 'up').text).toBe('two')
  expect(typing(prompt, 'x', 'up', 'up', 'up').text).toBe('one')
  expect(typing(prompt, 'x', 'up', 'down').text).toBe('x')
  expect(remembered(['a', 'b'], 'a')).toEqual(['b', 'a'])
  expect(remembered(['a'], '  ')).toEqual(['a'])
})

test('no key breaks the line, and no control character gets into it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string(), fc.option(fc.string({ maxLength: 2 }), { nil: undefined }))),
      (keys) => {
        let prompt = empty
        for (const [key, char] of keys) {
          const edited = editPrompt(prompt, key, char, complete)
          if (edited !== 'left' && 'prompt' in edited) prompt = edited.prompt
        }
        expect(prompt.text).not.toMatch(/\p{Cc}/u)
      },
    ),
  )
})
