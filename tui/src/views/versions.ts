import type { Role } from './line.js'

/** What it means that agent and client are of different versions; undefined: nothing, or one of them is not known. */
export function versionRemark(
  client: string,
  agent: string,
): readonly [text: string, role: Role] | undefined {
  const [ours, theirs] = [partsOf(client), partsOf(agent)]
  if (ours === undefined || theirs === undefined) return undefined
  const newer = theirs[0] - ours[0] || theirs[1] - ours[1]
  if (newer === 0) return undefined
  return newer > 0
    ? [`AGENT ${agent} IS NEWER than this client ${client}: what it alone knows is not shown`, 'warn']
    : [`AGENT ${agent} IS OLDER than this client ${client}: legs that it lacks leave rules undecided`, 'warn']
}

/** Patches change no protocol. */
function partsOf(version: string): readonly [major: number, minor: number] | undefined {
  const match = /^(\d+)\.(\d+)\./.exec(version)
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}
