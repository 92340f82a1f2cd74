import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run on the packages' sources, not on what was built last.
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  test: {
    include: [
      "*/src/**/*.test.ts",
      "domains/*/src/**/*.test.ts",
      "engine/server/src/**/*.test.ts",
      "examples/*/src/**/*.test.ts",
      "test/**/*.test.ts",
    ],
    testTimeout: 60_000,
    fileParallelism: false,
  },
});
