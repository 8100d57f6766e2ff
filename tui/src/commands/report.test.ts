import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cowpath } from './testing/cowpath.js'
import { HOSTILE, writePinnedRecording } from '../store/testing/pinned-recording.js'

let folder: string
let path: string
let page: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, '<i>pinned.db')
  await writePinnedRecording(path, { lostFromNs: 4.5e9 })
  const output = join(folder, 'page.html')
  expect(cowpath('report', path, '-o', output)).toEqual({ status: 0, stdout: `${output}\n`, stderr: '' })
  // White space is not what is claimed: one blank each, none beside a tag.
  page = readFileSync(output, 'utf8')
    .replace(/\s+/g, ' ')
    .replace(/ ?(<[^>]*>) ?/g, '$1')
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('the page stands alone: it names nothing on a network, and holds no script', () => {
  expect(page).not.toMatch(/<script|<link|<img|https?:|url\(|@import/)
})

test('names from outside are told, and do nothing', () => {
  expect(page).not.toContain(HOSTILE)
  expect(page).not.toContain('<i>')
  expect(page).toContain('cowpath: &lt;i&gt;pinned.db')
  expect(page).toContain('pid 20 (\\x1b[31m&#39;);--\\u{202e})')
})

test('a finding has its evidence in order, its rule, and what this kernel promises', () => {
  const article = /<article id="finding-1"[\s\S]*?<\/article>/.exec(page)?.[0] ?? ''
  const told = [
    'R05 pin-coherent: hazard',
    'While a pin taken through a slot is live',
    'promised (FOLL_PIN alone)',
    '2.000000 s</b>pid 10 takes a reference',
    '4.000000 s</b>pid 10: wp fault ended in copy at 0x7f0000010000, pfn 5001 to pfn 5002',
    'The last time',
    'pfn 5001',
    'copy at 4.000000 s for address space 1',
  ]
  const places = told.map((words) => article.indexOf(words))
  expect(places).not.toContain(-1)
  expect(places.slice(0, 6)).toEqual(places.slice(0, 6).toSorted((a, b) => a - b))
})

test('the heat map and the tables say the same: two copies in one region', () => {
  expect(page.match(/<title>1 copies<\/title>/g)).toHaveLength(2)
  expect(page).toMatch(/<td>0x7f0000010000<\/td>\s*<td>0x7f0000210000<\/td>\s*<td class="right">2<\/td>/)
})

test('forks tell their bytes, pins their ages by taker, and what was lost is told', () => {
  expect(page).toMatch(/<caption>Bytes that parent and child copied[\s\S]*4\.00 KiB/)
  expect(page).toMatch(/<caption>References by how long[\s\S]*vfio_pin_pages_remote/)
  expect(page).toMatch(/<caption>Spans in which events were lost[\s\S]*4\.500000/)
  expect(page).toMatch(/<caption>Rules that could not always say[\s\S]*A04/)
})

test('every picture is named and described, every table has a caption, every link a target', () => {
  for (const [, title, description] of page.matchAll(/<svg [^>]*aria-labelledby="(\S+) (\S+)"/g)) {
    expect(page).toContain(`<title id="${title}">`)
    expect(page).toContain(`<desc id="${description}">`)
  }
  expect(page.match(/<svg /g)).toHaveLength(page.match(/<svg [^>]*aria-labelledby/g)?.length ?? 0)
  expect(page.match(/<table/g)).toHaveLength(page.match(/<caption>/g)?.length ?? 0)
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`)
})

test('a recording is never replaced by its report, and nothing half is left', () => {
  const copy = join(folder, 'copy.db')
  copyFileSync(path, copy)
  const { status, stderr } = cowpath('report', path, '-o', copy)
  expect(status).toBe(1)
  expect(stderr).toContain('it is a database; results never replace one')
  expect(readFileSync(copy)).toEqual(readFileSync(path))
  mkdirSync(join(folder, 'out'))
  expect(cowpath('report', path, '-o', join(folder, 'out')).stderr).toContain('no ordinary file')
  expect(readdirSync(join(folder, 'out'))).toEqual([])
})
