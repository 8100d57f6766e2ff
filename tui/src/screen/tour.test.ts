import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostRow } from '../views/hosts.js'
import { LiveModel } from '../views/live-model.js'
import { livePageLines } from '../views/live-page.js'
import { syntheticJudgement } from '../views/testing/synthetic-judgement.js'
import { syntheticAgent, syntheticSecond } from '../views/testing/synthetic-stream.js'
import { extentOf } from './details.js'
import { actionOf } from './keys.js'
import { frameText, layoutFrame } from './layout.js'
import type { Shown } from './lists.js'
import { act, INITIAL_STATE, type Action, type ScreenState } from './state.js'

/** docs/tour.md shows the screen after these keys; `UPDATE_TOUR=1` writes it anew. */
const STEPS: readonly { readonly title: string; readonly keys: readonly string[]; readonly words: string }[] =
  [
    {
      title: 'Overview',
      keys: [],
      words:
        'Is anything wrong, who copies most, is anything being lost: the first lines say it in every view. `2 findings 3!` stands there because three observations are hazards.',
    },
    {
      title: 'Findings',
      keys: ['2'],
      words:
        'The most alarming first. One line is one rule, verdict, owner, cause and kind of reference, with its count.',
    },
    {
      title: 'One finding, explained',
      keys: ['2', 'enter'],
      words:
        'What the rule says and where that comes from, what this kernel promises, who took the reference, what broke it, and the counts that the kernel had then.',
    },
    {
      title: 'The page of a finding',
      keys: ['2', 'p'],
      words:
        'What the page mapped, from when until when and why, with the counts that the kernel had; what the rules found of it; where its frames came from, across processes.',
    },
    { title: 'Pages', keys: ['3'], words: 'The pages that fault most; Enter tells the history of one.' },
    {
      title: 'Pins',
      keys: ['4'],
      words:
        'What is pinned now, the oldest first: by whom, in which kernel function, for how long. FOLL_GET references are listed as long as their frame lives, as nobody sees them go.',
    },
    {
      title: 'Rules',
      keys: ['6'],
      words:
        'How often each rule was checked, held, broke, or could not be decided: silence is only good news where somebody looked.',
    },
    {
      title: 'Processes and forks',
      keys: ['7', 'tab'],
      words:
        'Who copies, and what each fork cost: the bytes that parent and child copied while the child lived. A fork stands below the fork that its parent came of.',
    },
    {
      title: 'Hosts',
      keys: ['8'],
      words:
        'Every agent, what it costs its host, and the books of its legs: seen = submitted + ring full + filtered + throttled + missed.',
    },
  ]
const FILE = new URL('../../../docs/tour.md', import.meta.url)

function model(): LiveModel {
  const made = new LiveModel('unix:///run/cowpath/agent.sock', '', 'pages')
  made.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  syntheticJudgement(made)
  for (let second = 100; second < 160; second++)
    for (const item of syntheticSecond(second, Math.round(200 * (1.2 + Math.sin(second / 3)))))
      made.accept(item, second)
  return made
}

function screens(): string {
  const live = model()
  const bare = live.snapshot()
  const page = livePageLines(800, 0x7f5e1c200, live.page(800, 0x7f5e1c200), bare.rules, {
    width: 100,
    charset: 'unicode',
  })
  const snapshot: Shown = { ...bare, hosts: [hostRow(bare, true)], page }
  const options = { width: 100, charset: 'unicode' } as const
  const after = (keys: readonly string[]): ScreenState =>
    keys.reduce(
      (state, key) => act(state, actionOf(key) as Action, snapshot, extentOf(snapshot, state, options)), // keys that there are
      INITIAL_STATE,
    )
  return STEPS.map(({ title, keys, words }) => {
    const input = { snapshot, eventsSincePause: 0, wallMs: 65_000 }
    const text = frameText(layoutFrame(input, after(keys), { columns: 100, rows: 24 }, 'unicode'))
    const how = keys.length === 0 ? '' : ` (${keys.map((key) => `\`${key}\``).join(', ')})`
    return `## ${title}${how}\n\n${words}\n\n\`\`\`text\n${text.replace(/\n+(?=q quit)/, '\n\n')}\n\`\`\`\n`
  }).join('\n')
}

test('the tour shows the screens as they are', () => {
  const [head] = readFileSync(FILE, 'utf8').split('\n## ')
  const tour = `${head}\n${screens()}`
  if (process.env['UPDATE_TOUR'] === '1') writeFileSync(FILE, tour)
  expect(
    readFileSync(FILE, 'utf8'),
    'docs/tour.md is stale: UPDATE_TOUR=1 npx vitest run tui/src/screen/tour.test.ts',
  ).toBe(tour)
})
