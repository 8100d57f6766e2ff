import fc from 'fast-check'
import { expect, test } from 'vitest'
import { html } from './html.js'

test('no text can open a tag, end an attribute or begin an entity', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const made = html`${text}`.toString()
      expect(made).not.toMatch(/[<>"']/)
      expect(made.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
    }),
  )
})

test('pieces are taken as they are, lists one below the other', () => {
  expect(html`<p>${[html`<b>${1}</b>`, html`${'<'}`]}</p>`.toString()).toBe('<p><b>1</b>\n&lt;</p>')
})
