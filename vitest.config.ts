import { defineConfig } from 'vitest/config'

export default defineConfig({
  // On two processors vitest would take one worker; many of these tests wait for a child.
  test: { include: ['tui/src/**/*.test.ts'], testTimeout: 20_000, maxWorkers: 2 },
})
