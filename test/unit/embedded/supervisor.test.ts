import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataPaths, lockDataDirectory } from '../../../src/client/embedded/data-directory.js';
import { recordedProcesses } from '../../../src/client/embedded/leftovers.js';
import { identityOf, isRunning } from '../../../src/client/embedded/process-identity.js';
import { Supervisor, type ProcessSpec } from '../../../src/client/embedded/supervisor.js';
import { ServiceUnavailableError } from '../../../src/core/exceptions.js';
import { withScratch } from '../../support/scratch.js';

/** A process that runs a line of JavaScript and then stays. */
function script(name: string, code: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  const stay = 'setInterval(() => {}, 1000)';
  return {
    name,
    command: process.execPath,
    args: ['-e', `${code}; ${stay}`],
    env: { PATH: process.env['PATH'] },
    ...more,
  };
}

interface Run {
  directory: string;
  supervisor: Supervisor;
  lines: string[];
}

async function supervised(t: TestContext, run: (context: Run) => Promise<void>): Promise<void> {
  await withScratch(t, async (directory) => {
    const lines: string[] = [];
    const lock = await lockDataDirectory(directory);
    const supervisor = new Supervisor({ dataDirectory: directory, report: (line) => lines.push(line) });
    try {
      await run({ directory, supervisor, lines });
    } finally {
      await supervisor.stopAll();
      await lock.release();
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

describe('the supervisor', () => {
  it('waits until a process is ready', (t) =>
    supervised(t, async ({ directory, supervisor }) => {
      const flag = join(directory, 'flag');
      const code = `setTimeout(() => fs.writeFileSync(${JSON.stringify(flag)}, ''), 300)`;
      const ready = () => (existsSync(flag) ? Promise.resolve() : Promise.reject(new Error('not yet')));
      await supervisor.start(script('slow', code, { ready }));
      assert.ok(existsSync(flag));
    }));

  it('starts a killed process again and tells it in one line', (t) =>
    supervised(t, async ({ supervisor, lines }) => {
      await supervisor.start(script('server', ''));
      const first = supervisor.pidOf('server') ?? 0;
      process.kill(first, 'SIGKILL');
      await until(() => ![undefined, first].includes(supervisor.pidOf('server')));
      assert.deepEqual(lines, ['server was ended by SIGKILL; starting it again in 0.5 s']);
    }));

  it('gives up on a process that never becomes ready, with the end of its log', (t) =>
    supervised(t, async ({ directory, supervisor }) => {
      const spec = script('broken', "console.log('the disk is on fire'); process.exit(3)", {
        restart: false,
      });
      await assert.rejects(
        supervisor.start({ ...spec, ready: () => Promise.reject(new Error()) }),
        (error) => {
          assert.ok(error instanceof ServiceUnavailableError);
          assert.equal(error.message, 'broken ended with 3');
          assert.deepEqual(error.context['log'], ['the disk is on fire']);
          assert.equal(error.advice, `look into ${join(directory, 'logs', 'broken.log')}`);
          return true;
        },
      );
    }));

  it('gives up on a program that is not there', (t) =>
    supervised(t, async ({ supervisor }) => {
      const spec = { ...script('missing', ''), command: '/nowhere/at-all', restart: false };
      await assert.rejects(supervisor.start(spec), /missing could not be started: .*ENOENT/);
    }));

  it('gives up on a process that runs and does not become ready in time', (t) =>
    supervised(t, async ({ supervisor }) => {
      const never = { ready: () => new Promise<void>(() => undefined), startTimeoutMs: 200 };
      await assert.rejects(supervisor.start(script('mute', '', never)), /mute was not ready after 0.2 s/);
      assert.equal(supervisor.pidOf('mute'), undefined);
    }));

  it('kills what does not end when asked, and what a process has started itself', (t) =>
    supervised(t, async ({ directory, supervisor }) => {
      const file = join(directory, 'child');
      const child = `child_process.spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid`;
      const code = `process.on('SIGTERM', () => {}); fs.writeFileSync(${JSON.stringify(file)}, String(${child}))`;
      const ready = () => (existsSync(file) ? Promise.resolve() : Promise.reject(new Error('not yet')));
      await supervisor.start(script('deaf', code, { ready, stopTimeoutMs: 200 }));
      const parent = identityOf(supervisor.pidOf('deaf') ?? 0);
      const grandchild = identityOf(Number(readFileSync(file, 'utf8')));
      assert.ok(parent !== undefined && grandchild !== undefined);
      await supervisor.stopAll();
      await until(() => !isRunning(grandchild));
      assert.equal(isRunning(parent), false);
    }));

  it('stops the last started first', (t) =>
    supervised(t, async ({ directory, supervisor }) => {
      const file = join(directory, 'order');
      writeFileSync(file, '');
      for (const name of ['first', 'second']) {
        const note = (word: string) => `fs.appendFileSync(${JSON.stringify(file)}, '${name} ${word}\\n')`;
        const code = `process.on('SIGTERM', () => { ${note('ends')}; process.exit() }); ${note('runs')}`;
        const runs = () => readFileSync(file, 'utf8').includes(`${name} runs`);
        const ready = () => (runs() ? Promise.resolve() : Promise.reject(new Error('not yet')));
        await supervisor.start(script(name, code, { ready }));
      }
      await supervisor.stopAll();
      assert.equal(readFileSync(file, 'utf8'), 'first runs\nsecond runs\nsecond ends\nfirst ends\n');
    }));

  it('writes down what runs, and hands on messages', (t) =>
    supervised(t, async ({ directory, supervisor }) => {
      const messages: unknown[] = [];
      const onMessage = (message: unknown) => messages.push(message);
      await supervisor.start(script('talker', 'process.send({ bytes: 3 })', { ipc: true, onMessage }));
      await until(() => messages.length > 0);
      assert.deepEqual(messages, [{ bytes: 3 }]);
      const recorded = await recordedProcesses(dataPaths(directory));
      assert.deepEqual(recorded, { talker: identityOf(supervisor.pidOf('talker') ?? 0) });
      await supervisor.stopAll();
      assert.deepEqual(await recordedProcesses(dataPaths(directory)), {});
    }));
});
