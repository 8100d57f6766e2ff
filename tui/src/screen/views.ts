/** The views of the dashboard, in the order of their keys. */
export const VIEWS = ['overview', 'findings', 'pages', 'pins', 'thp', 'rules', 'processes', 'hosts'] as const
export type ViewId = (typeof VIEWS)[number]

/** Lists that the cursor moves in. */
export const PANES = [
  'processes',
  'latest',
  'findings',
  'pages',
  'pins',
  'huge',
  'forks',
  'rules',
  'hosts',
  'legs',
] as const
export type Pane = (typeof PANES)[number]

/** The lists of each view; the first has the cursor when the view is opened. */
export const PANES_OF: Readonly<Record<ViewId, readonly [Pane, ...Pane[]]>> = {
  overview: ['processes', 'latest'],
  findings: ['findings'],
  pages: ['pages', 'latest'],
  pins: ['pins'],
  thp: ['huge'],
  rules: ['rules'],
  processes: ['processes', 'forks'],
  hosts: ['hosts', 'legs'],
}

/** Lists whose rows have more to say than a line: Enter opens it. */
export const PANES_WITH_DETAIL: readonly Pane[] = ['findings', 'rules', 'legs']
/** Lists of what is about a page: Enter opens that. */
export const PANES_OF_PAGES: readonly Pane[] = ['pages', 'latest', 'pins']
