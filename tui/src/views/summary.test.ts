import { expect, test } from 'vitest'
import { LiveModel } from './live-model.js'
import { exampleLines, summaryLines } from './summary.js'
import { heartbeatAt, syntheticAgent, syntheticLeg, syntheticSecond } from './testing/synthetic-stream.js'
import { textWidth } from './width.js'

const options = { width: 120, charset: 'unicode' } as const

const model = new LiveModel('unix:///run/x.sock')
model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
for (const item of syntheticSecond(100, 300)) model.accept(item, 0)
model.accept(
  heartbeatAt(101e9, [
    syntheticLeg('wp-fault', { hook: 'fentry+rmap', seen: 1234, submitted: 1200, filtered: 34 }),
    syntheticLeg('huge-wp', { attached: false, reasons: ['no such function'] }),
  ]),
  0,
)

test('the summary says kernel, totals, who copied, and the books of every leg', () => {
  const lines = summaryLines(model.snapshot(), 20e9, options)
  const text = lines.join('\n')
  expect(lines[0]).toBe('Kernel   Linux 6.1.0-32-amd64 #1 SMP Debian, host db-7, 2 CPUs')
  expect(lines[1]).toMatch(
    /^Watched {2}20\.0 s: 294 write faults on shared pages, \d+ copies \(.* KiB\), \d+ reuses, 6 forks$/,
  )
  expect(text).toMatch(/wp-fault +fentry\+rmap +1,234 +1,200 +0 +34 +0 +0/)
  expect(text).toMatch(/huge-wp +NOT: no such function/)
  for (const line of lines.slice(2)) expect(textWidth(line)).toBeLessThanOrEqual(120)
})

test('a long history is cut, and says so', () => {
  const slot = (index: number) => ({
    slot: index,
    mm: 1,
    tgid: 812,
    comm: 'redis',
    vpn: 0x7f5e1c200,
    frame: index,
    pfn: 1000 + index,
    order: 0,
    fromNs: index * 1e9,
    fromCause: 'copy',
    fromSeq: index,
    untilNs: null,
    untilCause: null,
    certain: true,
    counts: null,
  })
  const slots = Array.from({ length: 30 }, (_, index) => slot(index))
  const page = { slots, pins: [], findings: [], trees: [], cut: false }
  const lines = exampleLines(page, options)
  expect(lines.filter((line) => line.includes('redis')).length).toBe(8)
  expect(lines.at(-1)).toBe('(there is more of it)')
  expect(exampleLines({ ...page, slots: slots.slice(0, 3) }, options).at(-1)).not.toContain('more')
})
