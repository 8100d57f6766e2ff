import { proveUnder } from './court-of-policy.js'
import { SCOPES } from './scopes.js'

proveUnder('anon-exclusive', SCOPES)
