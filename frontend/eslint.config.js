import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/**
 * The folders of src/, from the bottom up: each imports only from itself and from those above it in this list.
 * `testing/` and the files beside the folders may import everything, and only tests import `testing/`.
 */
const LAYERS = [
  'feed',
  'shared',
  'address',
  'listing',
  'store',
  'components',
  'watch',
  'login',
  'settings',
  'health',
  'figures',
  'companies',
  'details',
  'table',
  'toolbar',
];

const zones = [
  ...LAYERS.map((layer, index) => ({
    target: `./src/${layer}`,
    from: ['./src/*.{ts,tsx}', ...LAYERS.slice(index + 1).map((above) => `./src/${above}/**`)],
    message: `${layer}/ is below it: see LAYERS in eslint.config.js.`,
  })),
  {
    target: './src/!(testing)/**/!(*.test|*.bench).{ts,tsx}',
    from: './src/testing/**',
    message: 'Only tests import testing/.',
  },
];

export default tseslint.config(
  { ignores: ['dist'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Most templates on this page hold numbers.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => effect()` is the shortest way to write a callback.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat['recommended-latest']],
    languageOptions: { globals: globals.browser },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.tsx'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.tsx', '.js'] })],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'max-lines': ['error', 400],
    },
  },
  {
    // The pages of the collector's demonstration shop; `make lint` gives them from the repository's root.
    files: ['collector/demo/*.js'],
    languageOptions: { globals: globals.browser },
  },
  {
    // The functions handed to the page run in the browser, the rest in Node.
    files: ['{bench,browser}/**/*.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
);
