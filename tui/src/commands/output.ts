/** How commands print. Lines that people read go to stdout, what is not the answer to stderr. */

export function printLine(line = ''): void {
  process.stdout.write(line + '\n')
}

/** One JSON value a line. 64-bit integers become decimal strings: JSON's numbers would round them. */
export function printJson(value: unknown): void {
  const line = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  )
  process.stdout.write(line + '\n')
}

/** Progress and remarks, for a person who watches. */
export function printNote(note: string): void {
  process.stderr.write(`cowpath: ${note}\n`)
}

/** For JSON: of a recording of one host no row names it. */
export function withoutNoHost<Row extends { readonly hostname: string | null }>({
  hostname,
  ...row
}: Row): Omit<Row, 'hostname'> {
  return hostname === null ? row : { hostname, ...row }
}
