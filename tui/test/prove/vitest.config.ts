import { defineConfig } from 'vitest/config'

/** The model against itself; see README.md. Run from the root of the repository. */
// eslint-disable-next-line no-restricted-exports -- vitest takes nothing else
export default defineConfig({
  test: {
    include: ['tui/test/prove/**/*.test.ts'],
    testTimeout: 3_600_000,
    maxWorkers: 2,
    // What a batch of runs needs lives as long as the batch: with room for that, little is moved to where it is collected late.
    // Two searches keep both processors busy: what helps the one to collect takes them from the other.
    execArgv: ['--max-semi-space-size=64', '--single-threaded-gc', '--max-old-space-size=8192'],
  },
})
