import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '../../core/utilities/printable.js';
import { dataPaths } from './data-directory.js';
import { FileLock, tryLock } from './file-lock.js';
import { ownerMark } from './leftovers.js';
import { projectRoot } from './project-root.js';
import { whyUnusable, type Found, type Program, type ProgramContext } from './program.js';
import { outputOf } from './run-program.js';

const POLL_MS = 500;

/**
 * Builds a server's program with the Go toolchain from the module `tools/<name>`, whose go.sum pins every dependency.
 *
 * Two builds of the same wait for each other, and the second uses what the first has made. The finished program appears at
 * `target` at once or not at all.
 */
export async function buildWithGo(program: Program, target: string, context: ProgramContext): Promise<Found> {
  const noGo = await whyNoGo(context);
  if (noGo !== undefined) return { reason: noGo };
  const lock = await waitForLock(`${target}.lock`, context);
  const draft = `${target}.${process.pid}.new`;
  try {
    if ((await whyUnusable(program, target)) === undefined) return { path: target };
    context.report(`building ${program.title} with go (${program.buildTime}, once)`);
    const args = ['build', '-trimpath', '-mod=readonly', '-o', draft, program.goPackage];
    const cwd = join(projectRoot(), 'tools', program.name);
    await outputOf('go', args, { cwd, env: await goEnvironment(target, context), signal: context.signal });
    await rename(draft, target);
    return { path: target };
  } catch (error) {
    context.signal?.throwIfAborted();
    return { reason: printable((error as Error).message) };
  } finally {
    await rm(draft, { force: true });
    await lock.release();
  }
}

async function whyNoGo(context: ProgramContext): Promise<string | undefined> {
  try {
    await outputOf('go', ['version'], { env: context.environment, timeoutMs: 20_000 });
    return undefined;
  } catch {
    return 'there is no `go` on PATH';
  }
}

async function waitForLock(path: string, context: ProgramContext): Promise<FileLock> {
  for (let told = false; ; told = true) {
    const outcome = await tryLock(path);
    if (outcome instanceof FileLock) return outcome;
    if (!told) context.report(`waiting for process ${outcome.pid}, which is building the same`);
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}

/** The user's own Go settings (a module proxy, say), without those that would change what is built. */
async function goEnvironment(target: string, context: ProgramContext): Promise<NodeJS.ProcessEnv> {
  const { environment } = context;
  const settings = {
    GOFLAGS: '',
    GOWORK: 'off',
    CGO_ENABLED: '0',
    ...ownerMark(dataPaths(context.dataDirectory)),
  };
  if (environment['HOME']) return { ...environment, ...settings };
  // Without a home Go does not know where to keep its own caches.
  const home = join(dirname(target), 'go');
  await mkdir(home, { recursive: true });
  return { ...environment, ...settings, HOME: home };
}
