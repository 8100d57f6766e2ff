import { CowpathError, ExitStatus } from '../model/failure.js'

/** Where an agent listens, as grpc-js wants it. */
export function grpcTarget(endpoint: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(endpoint)?.[1]
  if (path !== undefined) return `unix:${path}`
  const address = /^tcp:\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(endpoint)
  if (address !== null) {
    const [, host, port] = address
    if (Number(port) >= 1 && Number(port) <= 65_535) return `dns:${host}:${port}`
  }
  throw new CowpathError({
    what: `cannot connect to ${endpoint}`,
    why: 'it is not an endpoint',
    todo: 'say unix:///PATH or tcp://HOST:PORT',
    exitStatus: ExitStatus.Usage,
  })
}
