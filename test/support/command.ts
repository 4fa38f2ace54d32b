import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { leftBehind, processesOf, signalProcess } from './processes.js';
import type { Report } from './report.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));

export interface UpOptions {
  dataDirectory: string;
  source?: string;
  /** Default true: end when all is archived. */
  once?: boolean;
  arguments?: string[];
  /** On top of this process's own, from which all addresses of servers are taken away. */
  environment?: Record<string, string>;
}

/** How a command ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running `cdt up`, as a user starts it, in a process group of its own. */
export class UpCommand {
  stdout = '';
  stderr = '';
  /** Settles when the command has ended and all that it wrote was read. */
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;

  constructor(readonly options: UpOptions) {
    const { dataDirectory, source, once: ends = true } = options;
    const words = ['up', '--json', '--data-dir', dataDirectory, ...(ends ? ['--once'] : [])];
    if (source !== undefined) words.push('--source', source);
    this.child = spawn(process.execPath, [CDT, ...words, ...(options.arguments ?? [])], {
      env: cleanEnvironment(options.environment),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      return {
        code: code as number | null,
        signal: signal as NodeJS.Signals | null,
        stdout: this.stdout,
        stderr: this.stderr,
      };
    });
  }

  get pid(): number {
    assert.ok(this.child.pid !== undefined, 'the command could not be started');
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal to the command alone, or to its whole process group. */
  signal(signal: NodeJS.Signals, group = false): void {
    if (this.running) process.kill(group ? -this.pid : this.pid, signal);
  }

  /** Waits until something is so; fails when the command ends before, or after so many seconds. */
  async until(what: string, condition: () => boolean | Promise<boolean>, seconds = 180): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!(await condition())) {
      assert.ok(this.running, `the command ended before this was so: ${what}\n${lastLines(this.stderr)}`);
      assert.ok(Date.now() < deadline, `not within ${seconds} s: ${what}\n${lastLines(this.stderr)}`);
      await sleep(100);
    }
  }

  /** Interrupts the command as Ctrl-C does, and makes sure that nothing of it is left when the test has failed. */
  async stop(): Promise<Ended> {
    this.signal('SIGINT');
    const waiting = new AbortController();
    const tooLong = sleep(60_000, undefined, { signal: waiting.signal }).then(
      () => this.signal('SIGKILL'),
      (error: unknown) => assert.equal((error as Error).name, 'AbortError'),
    );
    const ended = await this.ended;
    waiting.abort();
    await tooLong;
    return ended;
  }
}

/** Runs `cdt up` until it ends by itself. */
export async function up(options: UpOptions): Promise<Ended> {
  return new UpCommand(options).ended;
}

/** Runs another command of `cdt` to its end; fails when it fails. */
export async function cdt(words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [CDT, ...words], {
    env: cleanEnvironment(),
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

/** The one document on standard output; fails when there is anything else. */
export function reportOf(ended: Ended): Report {
  assert.ok(
    ended.stdout !== '',
    `no document on standard output, exit code ${ended.code}:\n${lastLines(ended.stderr)}`,
  );
  return JSON.parse(ended.stdout) as Report;
}

/** Asserts that a run has archived everything: exit code 0, no problem, every package verified in the archive. */
export function assertAllArchived(ended: Ended): Report {
  assert.equal(
    ended.code,
    0,
    `exit code ${ended.code}, ${ended.signal}\n${lastLines(ended.stderr)}\n${ended.stdout.slice(-3000)}`,
  );
  const report = reportOf(ended);
  assert.deepEqual(report.problems, []);
  for (const entry of report.packages) {
    assert.equal(entry.state, 'archived', entry.name);
    assert.equal(entry.workflowId, `raw-data-package/${entry.id}`);
    assert.ok(Date.parse(entry.archive.verifiedAt) > 0, `${entry.name} was never verified`);
  }
  return report;
}

/** Asserts that nothing runs for a data directory any more, and ends what does, so that a failed test leaves nothing. */
export async function assertNothingRuns(dataDirectory: string): Promise<void> {
  const left = await leftBehind(dataDirectory);
  for (const one of left) signalProcess(one, 'SIGKILL');
  assert.deepEqual(
    left.map(({ pid, command }) => `${pid} ${command.join(' ')}`),
    [],
    'processes were left behind',
  );
}

/** For `t.after`: whatever a failed test has left running for a data directory. */
export function killAll(dataDirectory: string): void {
  for (const one of processesOf(dataDirectory)) signalProcess(one, 'SIGKILL');
}

export function lastLines(text: string): string {
  return text.split('\n').slice(-30).join('\n');
}

/** The environment of a user who has no server: the suite's own addresses must not reach the commands under test. */
export function cleanEnvironment(added: Record<string, string> = {}): NodeJS.ProcessEnv {
  const foreign = /^(CCAT_DATA_TRANSFER_|TEMPORAL_(?!CLI$)|NODE_TEST_|NODE_OPTIONS$|npm_)/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), ...added };
}
