import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PackageDocument } from '../../src/client/cli/up/document.js';
import type { TransferAttempt } from '../../src/core/database/catalogue/transfer-logs.js';
import { assertNothingRuns, cdt, cleanEnvironment, killAll, UpCommand } from '../support/command.js';
import { withScratch } from '../support/scratch.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs', 'client.md'), 'utf8');
const NAME = 'ccat-data-transfer';
const OBSERVATION = 'chai-2026-11-25-0001';
const run = promisify(execFile);

/** The program that the page shows under a heading. */
function shown(heading: string): string {
  const section = PAGE.split(/^## /m).find((one) => one.startsWith(`${heading}\n`));
  const program = section?.match(/```ts\n([\s\S]*?)```/)?.[1];
  assert.ok(program, `the page shows a program for ${heading}`);
  return program;
}

/** A folder of somebody else's, with the package as `npm pack` makes it, and compiled programs of the page. */
async function programsFolder(scratch: string): Promise<string> {
  const folder = join(scratch, 'theirs');
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  const { stdout } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', scratch],
    {
      cwd: ROOT,
      env: cleanEnvironment(),
    },
  );
  await run('tar', ['-xzf', join(scratch, stdout.trim()), '-C', modules]);
  await run('mv', [join(modules, 'package'), join(modules, NAME)]);
  // What npm would install for it, without asking a registry.
  symlinkSync(join(ROOT, 'node_modules'), join(modules, NAME, 'node_modules'));
  symlinkSync(realpathSync(join(ROOT, 'node_modules', '@types', 'node')), join(modules, '@types', 'node'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const programs = { instrument: 'An instrument', pipeline: 'A pipeline', operator: "An operator's script" };
  for (const [name, heading] of Object.entries(programs))
    writeFileSync(join(folder, `${name}.ts`), shown(heading));
  const options = { module: 'nodenext', target: 'es2023', strict: true, skipLibCheck: true, types: ['node'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', folder]).catch((error: unknown) =>
    assert.fail(`the programs do not compile:\n${String((error as { stdout?: string }).stdout)}`),
  );
  return folder;
}

test(
  'the programs of docs/client.md compile and run against the packed package, in a folder that has nothing else',
  { timeout: 10 * 60_000 },
  (t) =>
    withScratch(t, async (scratch) => {
      const dataDirectory = join(scratch, 'data');
      const source = join(scratch, 'source');
      const processing = join(scratch, 'ramses');
      for (const folder of [source, processing]) mkdirSync(folder);
      const up = new UpCommand({ dataDirectory, source, once: false });
      t.after(() => killAll(dataDirectory));
      const theirs = await programsFolder(scratch);
      const program = async (name: string, ...words: string[]): Promise<string> => {
        const { stdout } = await run(process.execPath, [join(theirs, `${name}.js`), ...words], {
          cwd: theirs,
          env: cleanEnvironment({ CCAT_DATA_TRANSFER_DATA_DIR: dataDirectory }),
        });
        return stdout;
      };
      const json = async <T>(...words: string[]): Promise<T> =>
        JSON.parse(await cdt([...words, '--json', '--data-dir', dataDirectory])) as T;

      await up.until('the source is known', async () => {
        const status = await json<{ sources: unknown[] }>('status').catch(() => undefined);
        return status?.sources.length === 1;
      });
      const { sources } = await json<{ sources: { source: string }[] }>('status');
      assert.equal(
        await program('instrument', sources[0]!.source, source),
        `${OBSERVATION}: completed, 1 file waits to be packaged\n`,
      );
      await up.until('the observation is archived', async () => {
        const packages = await json<PackageDocument[]>('packages');
        return packages.some((one) => one.executedObsUnit === OBSERVATION && one.state === 'archived');
      });

      const attempts = await json<TransferAttempt[]>('transfers');
      assert.deepEqual(
        attempts.map(({ kind, outcome, site }) => [kind, outcome, site]),
        [
          ['long_term_archive_transfer', 'completed', 'cologne'],
          ['data_transfer', 'completed', 'ccat'],
        ],
      );
      for (const { path } of attempts)
        assert.match(readFileSync(path, 'utf8'), /completed, [1-9]\d* bytes moved/);

      const told = await program('operator', OBSERVATION, processing);
      assert.match(told, /^add location cologne\.ramses$/m);
      assert.match(told, new RegExp(`^package .*${OBSERVATION}.*: archived; `, 'm'));
      assert.match(
        told,
        /^ConfigurationError: there is no setting packaging\.max_byte \(Did you mean packaging\.max_bytes\?\)$/m,
      );
      const [held] = await json<{ name: string; releasedAt?: string }[]>('hold', 'list', '--all');
      assert.equal(held?.name, OBSERVATION);
      assert.ok(held.releasedAt !== undefined);

      assert.match(await program('pipeline', OBSERVATION, 'cologne.ramses'), /spectrum\.dat$/m);
      const jobs = await json<{ state: string; requestedBy: string }[]>('stage', 'list', '--all');
      assert.deepEqual(
        jobs.map(({ state, requestedBy }) => [state, requestedBy]),
        [['released', 'pipeline']],
      );
      await up.stop();
      await assertNothingRuns(dataDirectory);
    }),
);
