import { closeSync, openSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { CowpathError } from '../model/failure.js'

/**
 * Makes this process the only recorder of `path`, whatever name it is reached by; creates an empty file where there
 * is none. The lock is an abstract unix socket (unix(7)): the kernel drops it with the process, kill -9 included, and
 * it leaves no file behind.
 */
export async function lockToWrite(path: string): Promise<Server> {
  const { dev, ino } = touched(path)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new CowpathError({
          what: `cannot record into ${path}`,
          why: error.code === 'EADDRINUSE' ? 'another recorder is writing it' : error.message,
          todo: 'record into another file',
          cause: error,
        }),
      )
    })
    server.listen(`\0cowpath-recording-${dev}-${ino}`, resolve)
  })
  return server.unref()
}

function touched(path: string): { readonly dev: number; readonly ino: number } {
  try {
    closeSync(openSync(path, 'a'))
    return statSync(path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CowpathError({
      what: `cannot record into ${path}`,
      why,
      todo: 'choose another place',
      cause: error,
    })
  }
}
