import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../src/client/cli/main.js', import.meta.url));
const PROGRAM = `import { main } from ${JSON.stringify(MAIN)}; process.exitCode = await main(process.argv.slice(1));`;

interface Result {
  code: number;
  out: string;
  err: string;
}

/** Runs the command line in a process of its own, with no server known to it. */
function cdt(dataDirectory: string, ...args: string[]): Promise<Result> {
  const env = {
    PATH: process.env.PATH,
    HOME: dataDirectory,
    CCAT_DATA_TRANSFER_DATA_DIR: join(dataDirectory, 'data'),
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '-e', PROGRAM, '--', ...args],
      { env },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      },
    );
  });
}

void describe('the command line', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cdt-usage-'));
  });
  after(() => rm(directory, { recursive: true }));

  void it('tells its commands and exit codes on request, with exit code 0', async () => {
    const { code, out } = await cdt(directory, '--help');
    assert.equal(code, 0);
    for (const command of [
      'up',
      'status',
      'packages',
      'problems',
      'waiting',
      'retry',
      'skip',
      'abandon',
      'run',
      'migrate',
      'worker',
    ]) {
      assert.match(out, new RegExp(`^  ${command}\\b`, 'm'));
    }
    assert.match(out, /Exit codes: 0 /);
  });

  void it('tells its version', async () => {
    const { code, out } = await cdt(directory, '--version');
    assert.equal(code, 0);
    assert.match(out, /^\d+\.\d+\.\d+\n$/);
  });

  void it('ends with 2 and a word on standard error for wrong usage, and does nothing', async () => {
    const wrong: [string[], RegExp][] = [
      [['up', '--nonsense'], /unknown option '--nonsense'/],
      [['up', 'extra'], /too many arguments/],
      [['up', '--quiet-seconds', 'soon'], /must be a number/],
      [['up', '--give-up-after', '0'], /above 0/],
      [['launch'], /unknown command 'launch'/],
      [['run', 'cooking', '--site', 'ccat', '--location', 'buffer'], /Allowed choices are/],
      [['worker'], /either --site or --all-sites/],
      [['retry'], /name a workflow or a package, or give --all/],
      [['retry', 'one', '--all'], /name a workflow or a package, or give --all/],
    ];
    for (const [args, words] of wrong) {
      const { code, out, err } = await cdt(directory, ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, words);
      assert.equal(out, '');
    }
    assert.deepEqual(await readdir(directory), []);
  });

  void it('ends with 1 and says what to do when no servers are known', async () => {
    for (const args of [['status'], ['packages', '--json'], ['waiting'], ['retry', '--all'], ['migrate']]) {
      const { code, out, err } = await cdt(directory, ...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(
        err,
        /^ConfigurationError: no address is known of Temporal and the catalogue\n {2}start the system/,
      );
      assert.equal(out, '');
    }
  });

  void it('prints the document of --json when it fails at once, and nothing else on standard output', async () => {
    const missing = join(directory, 'no such directory');
    const { code, out, err } = await cdt(directory, 'up', '--once', '--json', '--source', missing);
    assert.equal(code, 1);
    const document = JSON.parse(out) as {
      packages: unknown[];
      problems: { class: string; subject: string; advice: string }[];
    };
    assert.deepEqual(document.packages, []);
    assert.equal(document.problems.length, 1);
    assert.equal(document.problems[0]?.class, 'PermanentError');
    assert.equal(document.problems[0].subject, missing);
    assert.match(err, /does not exist/);
  });
});
