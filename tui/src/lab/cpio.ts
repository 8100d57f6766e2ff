/** One thing in an archive. `mode` holds the file's type too, as in stat(2). */
export interface Entry {
  readonly path: string
  readonly mode: number
  readonly data?: Buffer
}

const DIRECTORY = 0o040755
const HEADER_BYTES = 110

/**
 * A cpio archive in the kernel's newc format (Documentation/driver-api/early-userspace/buffer-format.rst). Missing
 * parent directories are put in. Owner, group and times are 0: the same entries give the same bytes.
 * @throws RangeError for a path that leaves the root or appears twice.
 */
export function cpio(entries: readonly Entry[]): Buffer {
  const chunks: Buffer[] = []
  const seen = new Set<string>()
  let inode = 1
  const put = ({ path, mode, data = Buffer.alloc(0) }: Entry): void => {
    const name = Buffer.from(`${path}\0`)
    const numbers = [inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0]
    const header = `070701${numbers.map((number) => number.toString(16).toUpperCase().padStart(8, '0')).join('')}`
    chunks.push(
      Buffer.from(header, 'latin1'),
      name,
      padding(HEADER_BYTES + name.length),
      data,
      padding(data.length),
    )
  }
  for (const entry of entries) {
    const parts = entry.path.split('/').filter((part) => part !== '' && part !== '.')
    const path = parts.join('/')
    if (path === '' || parts.includes('..') || path.includes('\0') || seen.has(path)) {
      throw new RangeError(`not a path of its own inside the guest: ${JSON.stringify(entry.path)}`)
    }
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if (!seen.has(parent)) put({ path: parent, mode: DIRECTORY })
      seen.add(parent)
    }
    seen.add(path)
    put({ ...entry, path })
  }
  put({ path: 'TRAILER!!!', mode: 0 })
  return Buffer.concat(chunks)
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}
