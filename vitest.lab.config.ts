import { defineConfig } from 'vitest/config'

// One guest at a time: a test that waits for a processor measures its neighbour.
export default defineConfig({
  test: {
    include: ['tui/test/lab/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    // An emulated kernel may panic or starve by itself on a busy machine; what is wrong with us is wrong twice.
    retry: 1,
  },
})
