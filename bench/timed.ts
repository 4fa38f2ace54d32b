import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that came to its end, measured from outside. */
export interface Finished {
  seconds: number;
  /** User and system time of it and of the children that it waited for. */
  cpuSeconds: number;
  /** Of the largest of them. */
  peakRssBytes: number;
  /** It was ended because it took too long; its other figures are of what it did until then. */
  cut: boolean;
  /** What it wrote to standard output, the last 64 KiB. */
  output: string;
}

export interface TimedOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Ended after this long, with all that it started. */
  limitSeconds?: number;
  /** Exit codes that count as done; 0 unless said. */
  exitCodes?: number[];
}

/** The program that measures: GNU time. */
export const TIME = '/usr/bin/time';
/** What one contender may take (the issue's own bound). */
export const LIMIT_SECONDS = 600;
const KEPT_OUTPUT = 64 * 1024;

/** Of the bench as a whole: what is timed ends with it, and nothing else is begun. */
let whole: AbortSignal | undefined;

/** Has all that is timed end when this is aborted, so that whoever started servers takes them down. */
export function endWith(signal: AbortSignal): void {
  whole = signal;
}

/**
 * Runs a program to its end and measures it from outside, by the operating system's own account.
 *
 * @throws Error with what it wrote, where it failed; the reason, where the bench as a whole was ended
 */
export async function timed(
  [program = '', ...args]: string[],
  options: TimedOptions = {},
): Promise<Finished> {
  whole?.throwIfAborted();
  const { limitSeconds = LIMIT_SECONDS, exitCodes = [0], ...where } = options;
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-'));
  const account = join(folder, 'account');
  try {
    const child = spawn(TIME, ['-q', '-f', '%e %U %S %M', '-o', account, program, ...args], {
      ...where,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, to be ended as a whole
    });
    let [output, errors, cut] = ['', '', false];
    child.stdout.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-KEPT_OUTPUT)));
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-KEPT_OUTPUT)));
    const end = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const limit = setTimeout(() => {
      cut = true;
      end();
    }, limitSeconds * 1000);
    whole?.addEventListener('abort', end);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    }).finally(() => {
      clearTimeout(limit);
      whole?.removeEventListener('abort', end);
    });
    whole?.throwIfAborted();
    if (cut) return { seconds: limitSeconds, cpuSeconds: NaN, peakRssBytes: NaN, cut, output };
    if (code === null || !exitCodes.includes(code))
      throw new Error(
        `${[program, ...args].join(' ')} ended with ${code ?? 'a signal'}: ${errors || output}`,
      );
    return { ...parseAccount(await readFile(account, 'utf8')), cut, output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseAccount(text: string): Pick<Finished, 'seconds' | 'cpuSeconds' | 'peakRssBytes'> {
  const [seconds, user, system, kilobytes] = (text.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (seconds === undefined || user === undefined || system === undefined || kilobytes === undefined)
    throw new Error(`${TIME} told nothing: ${text}`);
  return { seconds, cpuSeconds: user + system, peakRssBytes: kilobytes * 1024 };
}
