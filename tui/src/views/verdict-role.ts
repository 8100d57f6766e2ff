import type { Verdict } from '../model/finding.js'
import type { Role } from './line.js'

const ROLES: Readonly<Record<Verdict, Role>> = {
  violation: 'bad',
  hazard: 'bad',
  'self-inflicted': 'warn',
  advice: 'accent',
  measured: 'plain',
  unknown: 'dim',
}

/** How a verdict looks; the word itself always stands beside it. */
export function verdictRole(verdict: Verdict): Role {
  return ROLES[verdict]
}
