/** Versions of kernels: what `uname -r` says, as numbers that compare. */

export interface KernelVersion {
  readonly major: number
  readonly minor: number
  /** The point release, where the release string tells it: Debian's ABI names (6.1.0-50-amd64) do not. */
  readonly point: number | undefined
  /** What follows the numbers: "-50-amd64", "-rc1", ".el8.x86_64". */
  readonly rest: string
}

/** "6.1.0-50-amd64", "5.10", "v6.12.107+deb13-amd64", "7.3-rc1"; undefined where no version can be read. */
export function parseRelease(release: string): KernelVersion | undefined {
  const found = /^v?(\d{1,3})\.(\d{1,4})(?:\.(\d{1,5}))?(?!\d)(.*)$/s.exec(release.trim())
  if (!found) return undefined
  const [, major, minor, , rest] = found
  const point = found.at(3)
  const isAbiName = point === '0' && /^-\d/.test(rest)
  return {
    major: Number(major),
    minor: Number(minor),
    point: point === undefined || isAbiName ? undefined : Number(point),
    rest,
  }
}

/** "5.10", or "5.10.262" where the point release is known. */
export function versionText({ major, minor, point }: KernelVersion): string {
  return point === undefined ? `${major}.${minor}` : `${major}.${minor}.${point}`
}

/** Major and minor as one number that compares: 5.19 is 5019. */
export type Series = number

export function series(major: number, minor: number): Series {
  return major * 1000 + Math.min(minor, 999)
}

/** "5.19" as a {@link Series}: for the tables of this room, whose texts are ours. */
export function at(text: `${number}.${number}`): Series {
  const [major, minor] = text.split('.')
  return series(Number(major), Number(minor))
}

export function seriesText(value: Series): string {
  return `${Math.floor(value / 1000)}.${value % 1000}`
}
