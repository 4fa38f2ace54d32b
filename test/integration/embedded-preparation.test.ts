import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../../src/client/embedded/project-root.js';
import { cleanEnvironment } from '../support/command.js';
import { withScratch } from '../support/scratch.js';

const run = promisify(execFile);

/** Stands for the program: small enough to be built within a second or two. */
const MAIN = `export async function main(argv: string[]): Promise<number> {
  process.stdout.write(JSON.stringify(argv));
  return Promise.resolve(argv.length);
}
`;

/** A repository with the real scripts and packages and a program of two files. */
async function withRepository(t: TestContext, act: (repository: string) => Promise<void>): Promise<void> {
  await withScratch(t, async (scratch) => {
    const repository = join(scratch, 'a clone');
    mkdirSync(join(repository, 'src', 'workflows'), { recursive: true });
    mkdirSync(join(repository, 'src', 'client', 'cli'), { recursive: true });
    for (const name of ['bin', 'package.json', 'package-lock.json', 'tsconfig.json']) {
      cpSync(join(projectRoot(), name), join(repository, name), { recursive: true });
    }
    // Older than what is installed: nothing is to be installed here, and the npm of these tests would refuse to.
    utimesSync(join(repository, 'package-lock.json'), 0, 0);
    mkdirSync(join(repository, 'programs'));
    writeFileSync(join(repository, 'programs', 'npm'), '#!/bin/sh\necho "npm $*" >&2; exit 1\n', {
      mode: 0o755,
    });
    symlinkSync(join(projectRoot(), 'node_modules'), join(repository, 'node_modules'));
    writeFileSync(
      join(repository, 'src', 'workflows', 'index.ts'),
      'export async function nothing(): Promise<void> {}\n',
    );
    // The bundle holds it beside the workflows.
    writeFileSync(
      join(repository, 'src', 'workflows', 'log-attributes.ts'),
      'export const interceptors = (): object => ({});\n',
    );
    writeFileSync(join(repository, 'src', 'client', 'cli', 'main.ts'), MAIN);
    await act(repository);
  });
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function cdt(repository: string, ...words: string[]): Promise<Ended> {
  const PATH = `${join(repository, 'programs')}:${process.env['PATH'] ?? ''}`;
  const options = { env: cleanEnvironment({ PATH }), cwd: repository };
  try {
    const { stdout, stderr } = await run(
      process.execPath,
      [join(repository, 'bin', 'cdt.mjs'), ...words],
      options,
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

describe('starting from the sources', () => {
  it('builds once, says so on standard error alone, and is quiet the second time', (t) =>
    withRepository(t, async (repository) => {
      const first = await cdt(repository, 'a b');
      assert.deepEqual([first.code, first.stdout], [1, '["a b"]']);
      assert.equal(first.stderr, 'building ...\n');
      assert.ok(existsSync(join(repository, 'dist', 'workflow-bundle.js')));
      const second = await cdt(repository);
      assert.deepEqual([second.code, second.stdout, second.stderr], [0, '[]', '']);
    }));

  it('at the same moment twice builds once', (t) =>
    withRepository(t, async (repository) => {
      const both = await Promise.all([cdt(repository), cdt(repository)]);
      assert.deepEqual(
        both.map(({ code, stdout }) => [code, stdout]),
        [
          [0, '[]'],
          [0, '[]'],
        ],
      );
      const said = both.map(({ stderr }) => stderr).join('');
      assert.equal(said.split('building ...').length - 1, 1, said);
    }));

  it('builds again after a change, and drops what has no source any more', (t) =>
    withRepository(t, async (repository) => {
      const extra = join(repository, 'src', 'extra.ts');
      writeFileSync(extra, 'export const extra = 1;\n');
      await cdt(repository);
      assert.ok(existsSync(join(repository, 'dist', 'src', 'extra.js')));
      rmSync(extra);
      appendFileSync(join(repository, 'src', 'client', 'cli', 'main.ts'), '// changed\n');
      const again = await cdt(repository);
      assert.equal(again.stderr, 'building ...\n');
      assert.deepEqual(readdirSync(join(repository, 'dist', 'src')).sort(), ['client', 'workflows']);
      assert.match(
        readFileSync(join(repository, 'dist', 'src', 'client', 'cli', 'main.js'), 'utf8'),
        /changed/,
      );
    }));

  it('installs the packages first when the lock file is newer than they are, and stops when that fails', (t) =>
    withRepository(t, async (repository) => {
      appendFileSync(join(repository, 'package-lock.json'), '\n');
      const { code, stdout, stderr } = await cdt(repository);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^installing packages \(npm ci\) \.\.\.\nnpm ci --include=dev/);
    }));

  it('stops with what the compiler says when the sources are wrong, and runs nothing', (t) =>
    withRepository(t, async (repository) => {
      writeFileSync(join(repository, 'src', 'wrong.ts'), "export const number: number = 'text';\n");
      const { code, stdout, stderr } = await cdt(repository);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /src\/wrong\.ts\(1,14\): error TS2322/);
    }));
});
