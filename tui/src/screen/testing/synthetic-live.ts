// The live screen over a made-up stream, for the tests that drive it in a real terminal.
// Arguments: faults a second (default 300), and `crash` to throw after the first second.
import { liveJson } from '../../views/live-json.js'
import { livePageLines } from '../../views/live-page.js'
import { LiveModel } from '../../views/live-model.js'
import { syntheticJudgement } from '../../views/testing/synthetic-judgement.js'
import { syntheticAgent, syntheticSecond } from '../../views/testing/synthetic-stream.js'
import { showLive } from '../live-screen.js'

const faults = Number(process.argv[2] ?? 300)
const model = new LiveModel('unix:/run/cowpath/agent.sock', '', 'pages')
model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, Date.now())
syntheticJudgement(model)

let second = 100
const tick = () => {
  second++
  for (const item of syntheticSecond(second, Math.round(faults * (1.2 + Math.sin(second / 3))))) {
    model.accept(item, Date.now())
  }
}
for (let i = 0; i < 60; i++) tick()
const timer = setInterval(tick, 1000)
if (process.argv[3] === 'crash')
  setTimeout(() => {
    throw new Error('crash on purpose')
  }, 1000)

const how = await showLive(
  {
    snapshot: () => model.snapshot(),
    get events() {
      return model.totals.events
    },
    json: liveJson,
    page: (tgid, vpn, options) =>
      livePageLines(tgid, vpn, model.page(tgid, vpn), model.snapshot().rules, options),
  },
  process.env,
  new AbortController().signal,
)
clearInterval(timer)
process.stdout.write(`ended by ${how}\n`)
process.exit(how === 'quit' ? 0 : 1)
