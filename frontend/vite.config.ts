import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where a gateway listens by default; the development server passes on to it what it cannot serve itself. */
const GATEWAY = 'http://127.0.0.1:3000';

export default defineConfig({
  plugins: [react()],
  // Relative, so that the page works under any path of a proxy.
  base: './',
  server: {
    host: '127.0.0.1',
    // The tests read the protocol's frames, and the reasons of enrichers.
    fs: { allow: ['.', '../protocol/fixtures', '../enricher/src/lookup/held_back.rs'] },
    proxy: {
      '/api': GATEWAY,
      '/login': GATEWAY,
      '/logout': GATEWAY,
      '/ws': { target: GATEWAY, ws: true },
    },
  },
  build: {
    // Every browser that runs this page preloads modules by itself.
    modulePreload: { polyfill: false },
    // Nothing is inlined, so that a strict content security policy needs no exception for data: URLs.
    assetsInlineLimit: 0,
    // The licences of the packages in the page travel with every copy of it.
    license: { fileName: 'licences.md' },
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
});
