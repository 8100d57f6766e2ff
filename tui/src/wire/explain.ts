import { status, type ServiceError } from '@grpc/grpc-js'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { DecodeError } from './cursor.js'

/** How far a stream had come when it failed. */
export type Stage = 'connecting' | 'streaming'

/** What a failed call means to a person. */
export function explained(error: unknown, endpoint: string, stage: Stage): CowpathError {
  if (error instanceof CowpathError) return error
  const { why, todo, usage } = reason(error, stage)
  return new CowpathError({
    what: stage === 'connecting' ? `cannot connect to ${endpoint}` : `lost the agent at ${endpoint}`,
    why,
    todo,
    ...(usage === true ? { exitStatus: ExitStatus.Usage } : {}),
    cause: error,
  })
}

interface Reason {
  readonly why: string
  readonly todo: string
  readonly usage?: true
}

const NOT_AN_AGENT: Reason = {
  why: 'what listens there is not a cowpath agent',
  todo: 'check the endpoint',
}
const START_IT = 'start one there: cowpath-agent serve --listen ENDPOINT'

function reason(error: unknown, stage: Stage): Reason {
  if (error instanceof DecodeError)
    return {
      why: `it sent what cannot be read (${error.message})`,
      todo: 'take client and agent of one version',
    }
  if (!isServiceError(error)) return { why: error instanceof Error ? error.message : String(error), todo: '' }
  const { code, details } = error
  if (/ENOENT/.test(details)) return { why: 'there is no such socket', todo: START_IT }
  if (/EACCES|EPERM/.test(details))
    return { why: 'permission denied', todo: 'run as root, or as a member of the group that owns the socket' }
  if (/ECONNREFUSED/.test(details)) return { why: 'no agent listens there', todo: START_IT }
  if (/ENOTFOUND|EAI_AGAIN|Name resolution/.test(details))
    return { why: 'there is no such host', todo: 'check the endpoint', usage: true }
  if (/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/.test(details))
    return { why: 'the host cannot be reached', todo: 'check the endpoint and the network' }
  switch (code) {
    case status.UNIMPLEMENTED:
      return NOT_AN_AGENT
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return { why: details, todo: 'run as root, or as a user that the agent admits' }
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
    case status.OUT_OF_RANGE:
    case status.RESOURCE_EXHAUSTED:
      return { why: details, todo: '' }
    case status.DEADLINE_EXCEEDED:
      return { why: 'it does not answer as an agent does', todo: 'check that a cowpath agent listens there' }
    default:
      if (stage === 'streaming') return { why: 'it ended or its connection broke', todo: 'look at its log' }
      return NOT_AN_AGENT
  }
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error
}
