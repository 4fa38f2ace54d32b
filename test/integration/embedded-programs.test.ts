import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { findProgram } from '../../src/client/embedded/find-program.js';
import { objectStoreProgram } from '../../src/client/embedded/object-store.js';
import { postgresPrograms } from '../../src/client/embedded/postgres-programs.js';
import type { ProgramContext } from '../../src/client/embedded/program.js';
import { outputOf } from '../../src/client/embedded/run-program.js';
import { temporalProgram } from '../../src/client/embedded/temporal.js';
import { unprivileged } from '../../src/client/embedded/unprivileged.js';
import { PermanentError } from '../../src/core/exceptions.js';
import { withScratch } from '../support/scratch.js';

/** A program that answers `--version` as the S3 server does. */
function writeStandIn(file: string, answer = 'Version  : v0'): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(file, 0o755);
}

function contextOf(
  scratch: string,
  environment: Record<string, string> = {},
): ProgramContext & { lines: string[] } {
  const lines: string[] = [];
  return {
    environment: { PATH: join(scratch, 'bin'), HOME: join(scratch, 'home'), ...environment },
    dataDirectory: join(scratch, '.cdt'),
    report: (line) => lines.push(line),
    lines,
  };
}

const cachedFile = (scratch: string) =>
  join(
    scratch,
    'home',
    '.cache',
    'ccat-data-transfer',
    `versitygw-1.8.0-${process.platform}-${process.arch}`,
  );

describe('the program of a server', () => {
  it('is the one that its variable names, before any other', (t) =>
    withScratch(t, async (scratch) => {
      writeStandIn(join(scratch, 'bin', 'versitygw'));
      const named = join(scratch, 'named');
      writeStandIn(named);
      assert.equal(await findProgram(objectStoreProgram, contextOf(scratch, { VERSITYGW: named })), named);
    }));

  it('is not looked for further when its variable names something unusable', (t) =>
    withScratch(t, async (scratch) => {
      writeStandIn(join(scratch, 'bin', 'versitygw'));
      const context = contextOf(scratch, { VERSITYGW: join(scratch, 'nothing') });
      await assert.rejects(
        findProgram(objectStoreProgram, context),
        /VERSITYGW names .*nothing, which can't be used: ENOENT/,
      );
    }));

  it('is taken from PATH before the cache, and from the cache where PATH has another of that name', (t) =>
    withScratch(t, async (scratch) => {
      const onPath = join(scratch, 'bin', 'versitygw');
      writeStandIn(onPath);
      writeStandIn(cachedFile(scratch));
      const context = contextOf(scratch);
      assert.equal(await findProgram(objectStoreProgram, context), onPath);
      writeStandIn(onPath, 'something else');
      assert.equal(await findProgram(objectStoreProgram, context), cachedFile(scratch));
    }));

  it('is built once by two starts at the same time, and is never there in part', (t) =>
    withScratch(t, async (scratch) => {
      // Stands for the toolchain: it builds slowly, into the file behind -o, and writes down each build.
      const log = join(scratch, 'builds');
      const steps = [
        '[ "$1" = version ] && exit 0',
        `echo "$*" >> '${log}'`,
        'while [ "$1" != -o ]; do shift; done',
        `printf '#!/bin/sh\\n' > "$2"; /bin/chmod 755 "$2"; /bin/sleep 1; echo 'echo "Version  : built"' >> "$2"`,
      ];
      mkdirSync(join(scratch, 'bin'));
      writeFileSync(join(scratch, 'bin', 'go'), `#!/bin/sh\n${steps.join('\n')}\n`, { mode: 0o755 });
      const contexts = [contextOf(scratch), contextOf(scratch)];
      const paths = await Promise.all(contexts.map((context) => findProgram(objectStoreProgram, context)));
      assert.deepEqual(paths, [cachedFile(scratch), cachedFile(scratch)]);
      assert.equal(execFileSync('wc', ['-l', log], { encoding: 'utf8' }).split(' ')[0], '1');
      const told = contexts.flatMap(({ lines }) => lines);
      assert.ok(told.includes('building the S3 server with go (about 1 minute, once)'), told.join('\n'));
    }));

  it('that can be had in no way is refused with every way and why not', (t) =>
    withScratch(t, async (scratch) => {
      const download = () => Promise.reject(new PermanentError('no network'));
      const context = contextOf(scratch);
      await assert.rejects(findProgram({ ...temporalProgram, download }, context), (error: Error) => {
        assert.deepEqual(error.message.split('\n  - '), [
          "the Temporal server can't be had in any way:",
          'TEMPORAL_ADDRESS or an envconfig profile: not set',
          'TEMPORAL_CLI: not set',
          '`temporal` on PATH: not there',
          `cached in ${join(scratch, 'home', '.cache', 'ccat-data-transfer')}: not there`,
          'built by the Go toolchain: there is no `go` on PATH',
          'downloaded: no network',
        ]);
        return true;
      });
      await assert.rejects(findProgram(objectStoreProgram, context), /nobody offers it ready-made/);
    }));

  it('is cached in the data directory when the home folder does not take it', (t) =>
    withScratch(t, async (scratch) => {
      writeFileSync(join(scratch, 'home'), 'a file where a folder should be');
      const file = `versitygw-1.8.0-${process.platform}-${process.arch}`;
      writeStandIn(join(scratch, '.cdt', 'cache', file));
      const path = await findProgram(objectStoreProgram, contextOf(scratch));
      assert.equal(path, join(scratch, '.cdt', 'cache', file));
    }));
});

describe('PostgreSQL', () => {
  it('runs below a folder that is closed to its account, with links to its libraries that npm did not make', (t) =>
    withScratch(t, async (scratch) => {
      const { initdb } = await postgresPrograms();
      const installed = dirname(dirname(dirname(initdb)));
      const closed = join(scratch, 'package');
      cpSync(installed, closed, { recursive: true, verbatimSymlinks: true });
      chmodSync(scratch, 0o700);
      const libraries = join(closed, 'native', 'lib');
      const links = readdirSync(libraries, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
      assert.ok(links.length > 0);
      for (const { name } of links) rmSync(join(libraries, name));

      const programs = await postgresPrograms(closed);
      const account = await unprivileged();
      const folder = join(scratch, 'postgres');
      mkdirSync(folder, { mode: 0o700 });
      await account.own(folder);
      const { command, args } = account.wrap(programs.initdb, ['-D', join(folder, 'data'), '--no-sync']);
      await outputOf(command, args);
      const { uid } = statSync(join(folder, 'data', 'PG_VERSION'));
      assert.equal(uid === 0, false);
    }));
});
