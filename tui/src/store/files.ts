import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The repository's `db/`: three folders up from this one, compiled or not. */
const DB_FOLDER = new URL('../../../db/', import.meta.url)

/** Text of `db/<name>`. */
export function dbText(name: string): string {
  return readFileSync(new URL(name, DB_FOLDER), 'utf8')
}

/** Migrations in order: the one at index i makes schema i + 1 of schema i. */
export function migrations(): readonly string[] {
  const names = readdirSync(new URL('migrations/', DB_FOLDER)).filter((name) => name.endsWith('.sql'))
  return names.sort().map((name) => dbText(`migrations/${name}`))
}

/** A question of `db/queries/`, without its `.sql`. */
export function namedQuery(name: string): string {
  return dbText(`queries/${name}.sql`)
}

/**
 * A compiled file of this folder, for `new Worker`: Node runs no TypeScript, so tests that run the sources take the
 * worker from the build.
 */
export function workerFile(name: string): string {
  const beside = fileURLToPath(new URL(name, import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../dist/store/${name}`, import.meta.url))
}
