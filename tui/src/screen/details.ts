import { findingLines } from '../views/finding-lines.js'
import { legLines } from '../views/host-lines.js'
import type { Line } from '../views/line.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { ruleLines } from '../views/rule-table.js'
import type { ViewOptions } from '../views/view-options.js'
import { ruleLine } from './lists.js'
import type { ScreenState } from './state.js'

/** All about the row under the cursor, from the line that was scrolled to. */
export function detailPane(
  snapshot: LiveSnapshot,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  const lines = detailLines(snapshot, state, options)
  const from = Math.min(state.scrolled, Math.max(0, lines.length - rows + 1))
  const more = lines.length - from - (rows - 1)
  const title = more > 0 ? `Esc goes back; ${more} more lines below` : 'Esc goes back'
  return [ruleLine(title, state.pane, state, options), ...lines.slice(from, from + Math.max(0, rows - 1))]
}

/** The same without its frame; nothing where the row has no more to say than its line. */
export function detailLines(
  snapshot: LiveSnapshot,
  state: ScreenState,
  options: ViewOptions,
): readonly Line[] {
  const at = <Row>(all: readonly Row[]) => all.at(Math.min(state.cursor[state.pane], all.length - 1))
  switch (state.pane) {
    case 'findings': {
      const finding = at(snapshot.findings)
      const rule = snapshot.rules.find((row) => row.rule === finding?.rule)
      return finding === undefined ? [] : findingLines(finding, rule?.text, options)
    }
    case 'rules': {
      const rule = at(snapshot.rules)
      return rule === undefined ? [] : ruleLines(rule, options)
    }
    case 'legs': {
      const leg = at(snapshot.legs)
      return leg === undefined ? [] : legLines(leg, options)
    }
    default:
      return []
  }
}
