import { builtinModules } from 'node:module';
import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const nodeModules = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
const drivers = ['typeorm', 'pg', '@aws-sdk/*', 'ssh2', 'winston', 'tar'];

/** One rule entry: modules that a layer must not import, with the reason shown to whoever tries. */
function forbid(...groups) {
  return [
    'error',
    {
      patterns: groups.map(([group, message, allowTypeImports = false]) => ({
        group,
        message,
        allowTypeImports,
      })),
    },
  ];
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cdt/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'import-x/no-cycle': 'error',
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['src/**'],
    // Where a process begins, or a program of others calls; everything else is given its configuration.
    ignores: [
      'src/client/cli/main.ts',
      'src/client/connect.ts',
      'src/worker/main.ts',
      'src/client/embedded/starter.ts',
    ],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'loadConfiguration() reads the environment, once; pass on what it gives',
        },
      ],
    },
  },
  {
    files: ['src/core/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': forbid(
        [
          ['**/activities/*', '**/workflows/*', '**/worker/*', '**/client/*'],
          'core is the lowest layer: it imports nothing above it',
        ],
        [['@temporalio/*'], 'core knows nothing of Temporal'],
      ),
    },
  },
  {
    files: ['src/activities/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': forbid(
        [['**/workflows/*', '**/worker/*', '**/client/*'], 'activities import core only'],
        [
          ['@temporalio/workflow', '@temporalio/worker'],
          'activities use @temporalio/activity and the client they are given',
        ],
      ),
    },
  },
  {
    files: ['src/workflows/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': forbid(
        [['**/activities/*'], 'workflows import activities as types alone', true],
        [['**/worker/*', '**/client/*'], 'workflows know neither workers nor clients'],
        [[...nodeModules, ...drivers], 'workflows do no I/O: they run in a sandbox and are replayed'],
        [
          ['@temporalio/worker', '@temporalio/client', '@temporalio/activity', '@temporalio/testing'],
          'only @temporalio/workflow and common',
        ],
        [
          ['**/core/database/*', '**/core/storage/*', '**/core/transport/*', '**/core/package/*'],
          'only pure modules of core',
          true,
        ],
      ),
    },
  },
  {
    files: ['src/worker/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': forbid([
        ['**/client/*'],
        'imports point down: client -> worker',
      ]),
    },
  },
  {
    files: ['test/**'],
    rules: {
      // node:test hands back promises that its own runner awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
              package: 'node:test',
            },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['bench/**'],
    rules: {
      // Documents of other programs, and rounds that are known to be there.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['bin/**', '*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  prettier,
);
