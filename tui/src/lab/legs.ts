/** What `cowpath-agent doctor --verify --json` says of one leg; the agent's README has the words. */
export interface LegVerdict {
  readonly leg: string
  /** Empty where the leg is absent. */
  readonly hook: string
  /** Of better hooks that were refused: `HOOK: why`. */
  readonly reasons: readonly string[]
  readonly expected: number
  readonly seen: number
  readonly verdict: 'ok' | 'failed' | 'absent' | 'not tried'
  readonly why: string
}

/** A kernel's legs, as they are or with functions hidden. */
export interface LegColumn {
  readonly title: string
  readonly release: string
  readonly legs: readonly LegVerdict[]
}

/** The reports among what a guest printed, one a line, in their order. */
export function legReports(output: string): (readonly LegVerdict[])[] {
  return output.split('\n').flatMap((line) => {
    const legs = legsOf(line)
    return legs === undefined ? [] : [legs]
  })
}

function legsOf(line: string): readonly LegVerdict[] | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || !('legs' in value)) return undefined
    return Array.isArray(value.legs) && value.legs.every(isLegVerdict) ? value.legs : undefined
  } catch {
    return undefined
  }
}

/** The hooks of a leg that are known from these columns, best first. */
export function rungsOf(leg: string, columns: readonly LegColumn[]): readonly string[] {
  const ladders = columns
    .flatMap(({ legs }) => legs.filter((one) => one.leg === leg))
    .map(({ reasons, hook }) => [...reasons.map(hookOf), ...(hook === '' ? [] : [hook])])
  // Each of them is the upper part of one ladder: the longest holds the others.
  return ladders.reduce((longest, one) => (one.length > longest.length ? one : longest), [])
}

/** `HOOK: why`; no hook has a colon in its name. */
function hookOf(reason: string): string {
  return reason.split(': ')[0]
}

/** The table leg by kernel as a Markdown page. */
export function legsPage(columns: readonly LegColumn[]): string {
  const legs = columns[0]?.legs.map(({ leg }) => leg) ?? []
  const rows = legs.flatMap((leg) =>
    rungsOf(leg, columns).map((hook, index) => {
      const cells = columns.map(({ legs }) => cellOf(legs, leg, hook))
      return `| ${index === 0 ? `\`${leg}\`` : ''} | ${hook} | ${cells.join(' | ')} |`
    }),
  )
  return [
    '# Legs by kernel: the hook that was chosen, and whether it tells what happens',
    '',
    'Written by `tui/test/lab/verify.test.ts` from `cowpath-agent doctor --verify` in guests: `seen` says that the leg told',
    'everything that the self-test did, frame by frame, and nothing else. The hooks of a leg stand best first; the first',
    'that a kernel offers is chosen. A column with functions after its kernel is a guest in which these were hidden.',
    '',
    `| leg | hook | ${columns.map(({ title }) => title).join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(columns.length)}`,
    ...rows,
    '',
    `Kernels: ${[...new Set(columns.map(({ release }) => release))].join(', ')}.`,
    '',
  ].join('\n')
}

function cellOf(legs: readonly LegVerdict[], leg: string, hook: string): string {
  const found = legs.find((one) => one.leg === leg && one.hook === hook)
  if (found === undefined) return ''
  return found.verdict === 'ok' ? 'seen' : `**${found.verdict}**`
}

/** The page without what changes with every new package of a kernel. */
export function withoutReleases(page: string): string {
  return page.replace(/^Kernels: .*$/m, '')
}

function isLegVerdict(value: unknown): value is LegVerdict {
  if (typeof value !== 'object' || value === null) return false
  const one = value as Partial<Record<keyof LegVerdict, unknown>> // any object may be read so
  return (
    [one.leg, one.hook, one.verdict, one.why].every((text) => typeof text === 'string') &&
    [one.expected, one.seen].every((number) => typeof number === 'number') &&
    Array.isArray(one.reasons) &&
    one.reasons.every((reason) => typeof reason === 'string')
  )
}
