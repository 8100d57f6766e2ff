/** Order of two Debian versions, negative if `a` is older (deb-version(7); dpkg lib/dpkg/version.c verrevcmp). */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [split(a), split(b)]
  return x.epoch - y.epoch || compareParts(x.upstream, y.upstream) || compareParts(x.revision, y.revision)
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch = '0', rest] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? ['', '0', version]
  const dash = rest.lastIndexOf('-')
  return dash < 0
    ? { epoch: Number(epoch), upstream: rest, revision: '' }
    : { epoch: Number(epoch), upstream: rest.slice(0, dash), revision: rest.slice(dash + 1) }
}

/** Parts alternate: letters (where ~ sorts before the end, letters before the rest), then a number. */
function compareParts(a: string, b: string): number {
  const [x, y] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [textX, numberX] = x[i] ?? ['', 0]
    const [textY, numberY] = y[i] ?? ['', 0]
    const difference = compareText(textX, textY) || numberX - numberY
    if (difference !== 0) return difference
  }
  return 0
}

function parts(text: string): [string, number][] {
  return [...text.matchAll(/(\D*)(\d*)/g)]
    .filter(([whole]) => whole !== '')
    .map(([, letters, digits]) => [letters, Number(digits)])
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a[i]) - weight(b[i])
    if (difference !== 0) return difference
  }
  return 0
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0
  if (character === '~') return -1
  return /[a-z]/i.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256
}
