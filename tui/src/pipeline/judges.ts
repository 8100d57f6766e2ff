import type { HistoryView, Judge } from '../history/judge.js'
import type { AgentInfo, EventColumns } from '../model/events.js'
import type { Finding, FindingSink, RuleCount } from '../model/finding.js'

/** Makes the judge of one run of an agent: what its kernel promises and which legs it has decide what can be said. */
export type JudgeOf = (agent: AgentInfo, sink: FindingSink) => RunJudge

export interface RunJudge extends Judge {
  /** The stream is over: tells what has not been told. More events may follow all the same. */
  finish(): void
}

/** Receives what is found, and counts by run. */
export interface RunFindingSink {
  finding(finding: Finding): void
  ruleCounts(run: number, counts: readonly RuleCount[]): void
}

/** One judge after the other, as runs of agents follow each other; findings are numbered through all of them. */
export class Judges implements RunJudge {
  readonly #judgeOf: JudgeOf
  readonly #sink: RunFindingSink
  #judge: RunJudge | undefined
  #next: RunJudge | undefined
  #run = 0
  #lastFinding = 0

  constructor(judgeOf: JudgeOf, sink: RunFindingSink) {
    this.#judgeOf = judgeOf
    this.#sink = sink
  }

  /** The next run that begins is this agent's; a run that is met again keeps its judge. */
  started(run: number, agent: AgentInfo): void {
    if (run === this.#run) return
    this.#run = run
    let before: number | undefined
    this.#next = this.#judgeOf(agent, {
      finding: (finding) => {
        // Known only now: what is left of the run before is judged, and numbered, before this one begins.
        before ??= this.#lastFinding
        const number = before + finding.finding
        this.#lastFinding = Math.max(this.#lastFinding, number)
        this.#sink.finding({ ...finding, finding: number })
      },
      ruleCounts: (counts) => {
        this.#sink.ruleCounts(run, counts)
      },
    })
  }

  begin(run: number): void {
    this.#judge?.finish()
    if (this.#next !== undefined) {
      this.#judge = this.#next
      this.#next = undefined
    }
    this.#judge?.begin(run)
  }

  judge(events: EventColumns, index: number, view: HistoryView): void {
    this.#judge?.judge(events, index, view)
  }

  finish(): void {
    this.#judge?.finish()
  }
}
