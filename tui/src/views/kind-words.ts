import { Kind, Outcome } from '../model/kinds.js'

const KIND_WORDS: Readonly<Record<number, string>> = wordsOf(Kind)
const OUTCOME_WORDS: Readonly<Record<number, string>> = wordsOf(Outcome)

/** A kind of event in words, as the contract names it: `wp fault`. A kind newer than this client shows its number. */
export function kindWord(kind: number): string {
  return KIND_WORDS[kind] ?? `kind ${kind}`
}

/** How it ended, as a continuation of the above: ` ended in copy`; empty where there is nothing to say. */
export function outcomeWord(outcome: number): string {
  return outcome === Outcome.None ? '' : ` ended in ${OUTCOME_WORDS[outcome] ?? `outcome ${outcome}`}`
}

function wordsOf(numbers: Readonly<Record<string, number>>): Readonly<Record<number, string>> {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [
      number,
      name.replace(/(?!^)([A-Z])/g, ' $1').toLowerCase(),
    ]),
  )
}
