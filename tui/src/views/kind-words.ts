import { Kind, Outcome } from '../model/kinds.js'
import { wordsOf } from './words-of.js'

const KIND_WORDS = wordsOf(Kind, ' ')
const OUTCOME_WORDS = wordsOf(Outcome, ' ')

/** A kind of event in words, as the contract names it: `wp fault`. A kind newer than this client shows its number. */
export function kindWord(kind: number): string {
  return KIND_WORDS[kind] ?? `kind ${kind}`
}

/** The same as one word, for machines: `wp-fault`. */
export function kindId(kind: number): string {
  return kindWord(kind).replaceAll(' ', '-')
}

export function outcomeId(outcome: number): string {
  return (OUTCOME_WORDS[outcome] ?? `outcome ${outcome}`).replaceAll(' ', '-')
}

/** How it ended, as a continuation of the above: ` ended in copy`; empty where there is nothing to say. */
export function outcomeWord(outcome: number): string {
  return outcome === Outcome.None ? '' : ` ended in ${OUTCOME_WORDS[outcome] ?? `outcome ${outcome}`}`
}
