import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A compiled file by its path within tui/dist. Node runs no TypeScript: tests that run the sources take it from the build. */
export function builtFile(path: string): string {
  const beside = fileURLToPath(new URL(`../${path}`, import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))
}
