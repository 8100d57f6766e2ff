import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { CowpathError } from '../model/failure.js'

/**
 * Writes pieces to a file that appears whole or not at all. A recording is never replaced: it cannot be had again.
 * Throws a CowpathError where the file cannot be written.
 */
export function writeResult(path: string, pieces: Iterable<string | Uint8Array>): void {
  if (isOther(path)) throw cannotWrite(path, 'it is there and no ordinary file')
  if (isDatabase(path)) throw cannotWrite(path, 'it is a database; results never replace one')
  const part = `${path}.part-${process.pid}`
  const file = writing(path, () => openSync(part, 'wx'))
  try {
    for (const piece of pieces)
      writing(path, () => {
        writeAll(file, piece)
      })
    writing(path, () => {
      renameSync(part, path)
    })
  } finally {
    closeSync(file)
    rmSync(part, { force: true })
  }
}

function writeAll(file: number, piece: string | Uint8Array): void {
  const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}

/** A folder, a device, a pipe: what a rename must not put aside. */
function isOther(path: string): boolean {
  return writing(path, () => existsSync(path) && !statSync(path).isFile())
}

function isDatabase(path: string): boolean {
  if (!existsSync(path)) return false
  const head = Buffer.alloc(15)
  return writing(path, () => {
    const file = openSync(path, 'r')
    try {
      readSync(file, head)
    } finally {
      closeSync(file)
    }
    return head.toString('latin1') === 'SQLite format 3'
  })
}

function writing<T>(path: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw cannotWrite(path, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function cannotWrite(path: string, why: string, cause?: unknown): CowpathError {
  return new CowpathError({ what: `cannot write ${path}`, why, todo: 'name another file', cause })
}
