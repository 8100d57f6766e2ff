import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['tui/src/**/*.test.ts'], testTimeout: 20_000 },
})
