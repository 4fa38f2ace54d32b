import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environmentFor, startStack, type Addresses } from '../../src/client/embedded/stack.js';
import { Supervisor } from '../../src/client/embedded/supervisor.js';
import { cleanEnvironment, lastLines } from './command.js';
import type { Cleanup } from './cleanup.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));

/**
 * Sites on one machine that see their own storage only.
 *
 * Every process of a site runs in a mount namespace of its own, in which the site's directory lies at `here` and the directories of
 * all sites are hidden. So a path in the catalogue means something else at each site, as it does on real hosts.
 */
export class Sites {
  readonly here: string;
  readonly environment: Record<string, string>;
  private readonly processes = new Set<ChildProcess>();
  private readonly roots: string;

  constructor(
    cleanup: Cleanup,
    private readonly scratch: string,
    environment: Record<string, string>,
  ) {
    const logs = join(scratch, 'logs', 'commands');
    this.environment = { CCAT_DATA_TRANSFER_COMMAND_LOGS: logs, ...environment };
    this.here = join(scratch, 'here');
    this.roots = join(scratch, 'sites');
    mkdirSync(this.here);
    mkdirSync(join(scratch, 'logs'));
    cleanup.after(() => this.killAll());
  }

  /** The directory of a site, as only the test sees it. */
  root(site: string): string {
    return join(this.roots, site);
  }

  add(site: string, ...folders: string[]): void {
    for (const folder of folders) mkdirSync(join(this.root(site), folder), { recursive: true });
  }

  /** Starts a program at a site; its output goes to a log file. */
  start(
    site: string,
    name: string,
    command: string[],
    environment: Record<string, string> = {},
  ): ChildProcess {
    const hide = [this.roots, join(this.scratch, 'servers')].map((path) => `mount -t tmpfs tmpfs '${path}'`);
    const script = [`mount --bind '${this.root(site)}' '${this.here}'`, ...hide, 'exec "$@"'].join(' && ');
    const namespace =
      process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-current-user', '--keep-caps', '--mount'];
    const child = spawn(
      'unshare',
      [...namespace, '--propagation', 'private', 'sh', '-c', script, 'sh', ...command],
      { env: cleanEnvironment({ ...this.environment, ...environment }), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log = createWriteStream(join(this.scratch, 'logs', `${name}.log`), { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.processes.add(child);
    child.once('exit', () => this.processes.delete(child));
    return child;
  }

  /** Starts `cdt worker` for a site, as a process of its own. */
  startWorker(site: string, words: string[] = [], environment: Record<string, string> = {}): ChildProcess {
    const name = ['worker', site, ...words].join('-').replaceAll('--', '');
    return this.start(site, name, [process.execPath, CDT, 'worker', '--site', site, ...words], environment);
  }

  /** Runs a command of `cdt` to its end, as an operator who reaches the servers and no site's storage. */
  cdt(...words: string[]): Promise<string> {
    return this.cdtIn({}, ...words);
  }

  /** As {@link cdt}, where some of the environment is different. */
  async cdtIn(environment: Record<string, string>, ...words: string[]): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [CDT, ...words], {
        env: cleanEnvironment({ ...this.environment, ...environment }),
        maxBuffer: 2 ** 28,
      });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`cdt ${words.join(' ')} failed: ${lastLines(stderr)}\n${lastLines(stdout)}`, {
        cause: error,
      });
    }
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.cdt(...words, '--json')) as T;
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  private async killAll(): Promise<void> {
    await Promise.all([...this.processes].map((child) => this.stop(child, 'SIGKILL')));
  }
}

/** The servers that the sites share (Temporal, PostgreSQL), and an S3 store of its own for each name. */
export async function startServers(
  cleanup: Cleanup,
  scratch: string,
  stores: string[],
): Promise<{ environment: Record<string, string>; stores: Record<string, Addresses['s3']> }> {
  const started: Record<string, Addresses> = {};
  let given: Record<string, string> = {};
  for (const name of stores) {
    const dataDirectory = join(scratch, 'servers', name);
    mkdirSync(dataDirectory, { recursive: true });
    const supervisor = new Supervisor({ dataDirectory, report: () => undefined });
    cleanup.after(() => supervisor.stopAll());
    const { addresses } = await startStack({
      dataDirectory,
      environment: cleanEnvironment(given),
      report: () => undefined,
      supervisor,
    });
    started[name] = addresses;
    // The first start brings up all servers; the others find two of them given.
    const all = environmentFor(addresses);
    given = Object.fromEntries(Object.entries(all).filter(([key]) => !key.includes('_S3_')));
  }
  const s3 = Object.fromEntries(Object.entries(started).map(([name, { s3: store }]) => [name, store]));
  return { environment: given, stores: s3 };
}

/** Waits until something is so; fails with what it was last when that takes too long. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  isSo: (found: T) => boolean,
  seconds = 240,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (isSo(found)) return found;
    assert.ok(
      Date.now() < deadline,
      `not within ${seconds} s: ${what}; last ${JSON.stringify(found).slice(0, 3000)}`,
    );
    await sleep(500);
  }
}
