import { defineConfig } from 'vitest/config'

// A guest keeps about one processor busy: two at a time, and no more.
export default defineConfig({
  test: {
    include: ['tui/test/lab/**/*.test.ts'],
    testTimeout: 360_000,
    hookTimeout: 360_000,
    maxWorkers: 2,
    // An emulated kernel may panic or starve by itself on a busy machine; what is wrong with us is wrong twice.
    retry: 1,
  },
})
