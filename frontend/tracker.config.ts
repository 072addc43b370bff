import { defineConfig } from 'vite';

/** Builds collector/tracker into one file, which the collector serves as /v.js. */
export default defineConfig({
  root: '../collector/tracker',
  publicDir: false,
  logLevel: 'warn',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // What browsers of the last five years understand.
    target: 'es2020',
    modulePreload: false,
    rolldownOptions: {
      input: '../collector/tracker/tracker.ts',
      output: { format: 'iife', entryFileNames: 'v.js' },
    },
  },
});
