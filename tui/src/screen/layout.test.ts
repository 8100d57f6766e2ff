import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hostRow } from '../views/hosts.js'
import { LiveModel } from '../views/live-model.js'
import { plainText } from '../views/line.js'
import { syntheticJudgement } from '../views/testing/synthetic-judgement.js'
import { syntheticAgent, syntheticSecond } from '../views/testing/synthetic-stream.js'
import { textWidth } from '../views/width.js'
import { parseCommand } from './command-line.js'
import { detailLines, extentOf, rowText } from './details.js'
import { actionOf, BINDINGS } from './keys.js'
import { frameText, layoutFrame } from './layout.js'
import type { Shown } from './lists.js'
import { PANES_OF, VIEWS } from './views.js'
import { act, INITIAL_STATE, REFRESH_MS, type Action, type ScreenState } from './state.js'

const model = new LiveModel('unix:/run/cowpath/agent.sock')
model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
syntheticJudgement(model)
for (let second = 100; second < 160; second++) {
  for (const item of syntheticSecond(second, 200)) model.accept(item, second)
}
const snapshot = shown(model)
function shown(live: LiveModel): Shown {
  const bare = live.snapshot()
  return { ...bare, hosts: [hostRow(bare, true)], page: ['the history of a page'] }
}

const input = { snapshot, eventsSincePause: 0, wallMs: 5000 }

function after(...keys: readonly string[]): ScreenState {
  const options = { width: 80, charset: 'unicode' } as const
  return keys.reduce(
    (state, key) => act(state, actionOf(key) as Action, snapshot, extentOf(snapshot, state, options)),
    INITIAL_STATE,
  )
}

test.each([
  [80, 24],
  [120, 40],
  [200, 50],
])('at %ix%i header, rates, both tables and the keys are on the screen', (columns, height) => {
  const text = frameText(layoutFrame(input, INITIAL_STATE, { columns, rows: height }, 'unicode'))
  expect(text.split('\n').length).toBe(height)
  for (const part of ['db-7', 'faults/s', 'forks/s', 'redis-server', 'copied▼', '0x7f5e1c', 'q quit']) {
    expect(text).toContain(part)
  }
})

test('any size gives exactly its rows, none wider than its columns', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 320 }),
      fc.integer({ min: 1, max: 90 }),
      fc.array(
        fc.constantFrom('?', 'enter', 'tab', 'j', 'right', 'escape', ...VIEWS.map((_, i) => `${i + 1}`)),
        {
          maxLength: 6,
        },
      ),
      (columns, height, keys) => {
        const state = after(...keys)
        const lines = layoutFrame(input, state, { columns, rows: height }, 'unicode')
        expect(lines.length).toBe(height)
        for (const line of lines) expect(textWidth(plainText(line))).toBeLessThanOrEqual(columns)
      },
    ),
  )
})

test('the help lists every key, on 80x24 too', () => {
  const text = frameText(layoutFrame(input, after('?'), { columns: 80, rows: 24 }, 'unicode'))
  for (const { meaning } of BINDINGS) expect(text).toContain(meaning)
  expect(after('?', '?').overlay).toBe('none')
  expect(after('?', 'escape').overlay).toBe('none')
})

test('paused says what came meanwhile', () => {
  const text = frameText(
    layoutFrame({ ...input, eventsSincePause: 1234 }, after('space'), { columns: 80, rows: 24 }, 'unicode'),
  )
  expect(text).toContain('PAUSED +1,234')
  expect(after('space', 'space').frozen).toBeNull()
})

test('the cursor stays in its pane and within its rows', () => {
  expect(after('k').cursor.processes).toBe(0)
  expect(after('j', 'down').cursor).toMatchObject({ processes: 2, latest: 0 })
  expect(after('S-g').cursor.processes).toBe(7)
  expect(after('tab', 'pagedown', 'j').cursor).toMatchObject({ processes: 0, latest: 11 })
})

test('the row under the cursor is on the screen, however far down', () => {
  const lines = layoutFrame(input, after('tab', 'S-g'), { columns: 80, rows: 24 }, 'unicode')
  const selected = lines.filter((line) => line.some((part) => part.role === 'selected'))
  expect(selected.length).toBe(1)
})

test('s goes through all columns of the list and comes back, S turns the order round', () => {
  const all = Array.from({ length: 7 }, () => 's')
  expect(after(...all).orders).toEqual(INITIAL_STATE.orders)
  expect(after('s').orders.processes).toEqual({ column: 'copies', direction: 'natural' })
  expect(after('S-s').orders.processes).toEqual({ column: 'copied', direction: 'reversed' })
  expect(after('4', 's').orders.pins).toEqual({ column: 'age', direction: 'natural' })
  expect(after('4', 'S-s').notice).toContain('not sorted')
})

test('the title says by which column a list is sorted, and which way', () => {
  expect(screenAfter('s')).toContain('copies▼')
  expect(screenAfter('s', 'S-s')).toContain('copies▲')
  expect(screenAfter('s', 's', 's', 's', 's')).toContain('comm▲')
})

test('a filter holds in every list, says what it leaves out, and Esc takes it back', () => {
  const only = {
    do: 'filter',
    filter: { text: 'pid=800', terms: [{ field: 'pid', operator: '=', value: '800' }] },
  } as const
  const filtered = act(INITIAL_STATE, only, snapshot, { rows: 8, detail: 0, columns: [] })
  const text = frameText(layoutFrame(input, filtered, { columns: 80, rows: 24 }, 'unicode'))
  expect(text).toContain('Processes 8 (7 left out by the filter)')
  expect(text).toContain('only pid=800')
  expect(text).not.toContain('postgres')
  expect(act(filtered, { do: 'back' }, snapshot, { rows: 1, detail: 0, columns: [] }).filter).toBeNull()
})

test('marks are set, listed, and gone to', () => {
  const there = after('4', 'j', 'm', '1', "'", 'enter')
  expect(there).toMatchObject({ view: 'pins', pane: 'pins', overlay: 'none' })
  expect(there.cursor.pins).toBe(1)
  expect(screenAfter('4', 'j', 'm', "'")).toContain('pins, row 2')
})

test('the row under the cursor is copied as one line', () => {
  const options = { width: 80, charset: 'unicode' } as const
  expect(rowText(snapshot, after('2'), options)).toMatch(
    /^R05  hazard  3  fork  4k  get write by __blkdev_direct_IO_simple/,
  )
})

test.each([
  ['view rules', { do: 'view', view: 'rules' }],
  ['v fin', { do: 'view', view: 'findings' }],
  ['sort copies', { do: 'sort', column: 'copies' }],
  ['filter', { do: 'trace', target: { pids: [], comms: [] } }],
  ['filter pid=812 comm=redis', { do: 'trace', target: { pids: [812], comms: ['redis'] } }],
  ['save x.svg', { do: 'save', file: 'x.svg' }],
  ['jump -3', { do: 'step', seconds: -3 }],
  ['speed 1000', { do: 'speed', times: 1000 }],
  ['rule R05', { do: 'rule', rule: 'R05' }],
  ['sql SELECT 1', { do: 'sql', query: 'SELECT 1' }],
  ['q', { do: 'quit' }],
])('the command :%s is understood', (line, action) => {
  expect(parseCommand(line)).toEqual(action)
})

test.each([
  ['nonsense', 'no command nonsense'],
  ['filter kind=copy', 'kind=copy: the agent chooses by pid=N and comm=NAME'],
  ['filter pid=many', 'pid=many: a pid is a number'],
  ['s', 's may be sql, sort, save, speed'],
  ['speed fast', 'speed wants a number from 0 to 1000'],
  ['refresh 1', 'refresh wants a number from 50'],
  ['view nothing', 'view wants one of overview'],
])('the command :%s is refused in words', (line, why) => {
  expect(parseCommand(line)).toEqual({ wrong: expect.stringContaining(why) as string })
})

test('the refresh rate has ends', () => {
  expect(after(...Array.from({ length: 9 }, () => '+')).refreshMs).toBe(REFRESH_MS[0])
  expect(after(...Array.from({ length: 9 }, () => '-')).refreshMs).toBe(5000)
})

test('which pane has the focus is said by a sign, not only by colour', () => {
  const text = frameText(layoutFrame(input, after('tab'), { columns: 80, rows: 24 }, 'ascii'))
  expect(text).toContain('>- Latest page events')
  expect(text).toContain('-- Processes')
})

function screenAfter(...keys: readonly string[]): string {
  return frameText(layoutFrame(input, after(...keys), { columns: 80, rows: 24 }, 'unicode'))
}

test('every view has its key, and the arrows go round', () => {
  for (const [index, view] of VIEWS.entries()) {
    expect(screenAfter(`${index + 1}`)).toContain(`[${index + 1} ${view}`)
    expect(after(...Array.from({ length: index }, () => 'right')).view).toBe(view)
  }
  expect(after('left').view).toBe('hosts')
})

test('every list of a view is on the screen, where the cursor can go', () => {
  for (const view of VIEWS)
    for (const [tabs] of PANES_OF[view].entries()) {
      const state = after(`${VIEWS.indexOf(view) + 1}`, ...Array.from({ length: tabs }, () => 'tab'))
      const text = frameText(layoutFrame(input, state, { columns: 80, rows: 24 }, 'unicode'))
      expect(text, `${view} ${tabs}`).toContain('▶─')
    }
})

test('what forks cost stands below the processes', () => {
  const text = frameText(layoutFrame(input, after('7', 'tab'), { columns: 120, rows: 40 }, 'unicode'))
  expect(text).toContain('▶─ Forks 240, and what parent and child copied while the child lived')
  expect(text).toMatch(/redis-server +\d+ .*\d+\.\d+ +still +\d+(\.\d+)? [KM]iB/)
})

test('Enter opens the history of the page under the cursor', () => {
  expect(screenAfter('3', 'enter')).toContain('the history of a page')
  const [{ tgid, vpn }] = snapshot.pages
  expect(after('3', 'enter').page).toEqual({ tgid, vpn, above: 'none' })
  expect(after('3', 'enter', 'escape')).toMatchObject({ overlay: 'none', view: 'pages' })
})

test('p goes from a finding to its page, also from its explanation, and Esc back to where it was', () => {
  const page = { tgid: 800, vpn: 0x7f5e1c200 }
  expect(after('2', 'p').page).toEqual({ ...page, above: 'none' })
  expect(after('2', 'enter', 'p').page).toEqual({ ...page, above: 'detail' })
  expect(screenAfter('2', 'enter', 'p')).toContain('the history of a page')
  expect(screenAfter('2', 'enter', 'p', 'escape')).toContain('R05 pin-coherent  HAZARD')
  expect(screenAfter('2', 'enter', 'p', 'escape', 'escape')).toContain('R05  hazard')
})

test('a pin opens the page of whose memory it is; what is about no page says so', () => {
  expect(after('4', 'enter').page).toMatchObject({ tgid: 800, vpn: 0x7f5e1c200 })
  expect(after('6', 'p')).toMatchObject({
    overlay: 'none',
    notice: expect.stringContaining('no page') as string,
  })
})

test(':page opens any page, by the address that the tables show', () => {
  expect(parseCommand('page 812 0x7f5e1c200000')).toEqual({
    do: 'page',
    page: { tgid: 812, vpn: 0x7f5e1c200 },
  })
  for (const wrong of ['page', 'page 812', 'page x 0x1000', 'page 812 0xzz'])
    expect(parseCommand(wrong)).toHaveProperty('wrong')
})

test(':rule opens what a rule says, by any case, and names the rules where there is none such', () => {
  const extent = extentOf(snapshot, INITIAL_STATE, { width: 80, charset: 'unicode' })
  const told = act(INITIAL_STATE, parseCommand('rule r05') as Action, snapshot, extent)
  const text = frameText(layoutFrame(input, told, { columns: 100, rows: 30 }, 'unicode'))
  expect(text).toContain('[6 rules]')
  expect(text).toContain('While a pin taken through a slot is live')
  expect(act(INITIAL_STATE, parseCommand('rule R99') as Action, snapshot, extent).notice).toContain('R05')
})

test('the answer to a query lies over the lists, scrolls, and Esc leaves it', () => {
  const extent = extentOf(snapshot, INITIAL_STATE, { width: 80, charset: 'unicode' })
  const lines = Array.from({ length: 40 }, (_, i) => `row ${i}`)
  const told = act(INITIAL_STATE, { do: 'answer', lines }, snapshot, extent)
  const rows = (state: ScreenState) =>
    frameText(layoutFrame(input, state, { columns: 80, rows: 24 }, 'unicode'))
  expect(rows(told)).toContain('row 0')
  const down = act(
    told,
    { do: 'move', rows: 30 },
    snapshot,
    extentOf(snapshot, told, { width: 80, charset: 'unicode' }),
  )
  expect(rows(down)).toContain('row 39')
  expect(act(down, { do: 'back' }, snapshot, extent).overlay).toBe('none')
})

test('a hazard is announced in every view', () => {
  for (let key = 1; key <= VIEWS.length; key++) expect(screenAfter(`${key}`)).toContain('findings 3!')
})

test('a finding opens into its explanation: steps, counts, rule, promise', () => {
  expect(screenAfter('2')).toContain('R05  hazard')
  const text = screenAfter('2', 'enter')
  for (const part of [
    'R05 pin-coherent  HAZARD',
    'Source: Torvalds',
    'This kernel: not promised',
    'takes a FOLL_GET reference for writing on',
    'in __blkdev_direct_IO_simple()',
    'refcount 2, mapcount 1',
  ])
    expect(text).toContain(part)
  expect(screenAfter('2', 'enter', 'escape')).toContain('R05  hazard')
})

test('a detail that is longer than the screen scrolls, and not beyond its end', () => {
  const small = (...keys: readonly string[]) =>
    frameText(layoutFrame(input, after(...keys), { columns: 80, rows: 12 }, 'unicode'))
  expect(small('2', 'enter')).toContain('more lines below')
  expect(small('2', 'enter', 'S-g')).not.toContain('more lines below')
  const lines = detailLines(snapshot, after('2', 'enter'), { width: 80, charset: 'unicode' }).length
  expect(after('2', 'enter', 'S-g', 'k').scrolled).toBe(lines - 2)
  expect(small('2', 'enter', 'S-g')).toContain('the process does not see it')
})

test('where nothing was found it says how much was looked at', () => {
  const quiet = new LiveModel('unix:/run/cowpath/agent.sock')
  quiet.ruleCounts([{ rule: 'R05', size: '4k', checked: 1200, held: 1190, broken: 0, unknown: 10 }])
  const frame = { snapshot: shown(quiet), eventsSincePause: 0, wallMs: 0 }
  const text = frameText(layoutFrame(frame, after('2'), { columns: 80, rows: 24 }, 'unicode'))
  expect(text).toContain('none: 1,200 checks, 10 of them undecided')
})
