import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Runs `work` while holding the lock directory `path` (mkdir is atomic). A lock whose owner is dead is taken over;
 * `waiting` is called once if another process holds it.
 */
export async function withLock<T>(path: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; !take(path); tries++) {
    if (tries === 0) waiting()
    if (ownerIsDead(path)) rmSync(path, { recursive: true, force: true })
    else await sleep(200)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

function take(path: string): boolean {
  try {
    mkdirSync(path)
  } catch {
    return false
  }
  writeFileSync(join(path, 'pid'), String(process.pid))
  return true
}

function ownerIsDead(path: string): boolean {
  let pid: number
  try {
    pid = Number(readFileSync(join(path, 'pid'), 'utf8'))
  } catch {
    return false // just being made, or just gone: look again
  }
  try {
    process.kill(pid, 0)
    return false
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH'
  }
}
