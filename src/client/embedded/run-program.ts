import { spawn } from 'node:child_process';
import { StorageError } from '../../core/exceptions.js';

/** No more than this of a program's output is kept, in characters from its end. */
const KEPT = 4000;

export interface RunOptions {
  cwd?: string;
  /** The whole environment; without it, this process's own. */
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/**
 * Runs a program to its end and gives the end of what it printed, standard error included.
 *
 * @throws StorageError when it can't be started, ends with another status than 0, or takes too long; the message carries
 *   the end of its output
 */
export function outputOf(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      timeout: options.timeoutMs,
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (cause) =>
      reject(new StorageError(`${command} could not be run: ${cause.message}`, { cause })),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new StorageError(`${command} ended with ${signal ?? String(code)}: ${lastLines(output)}`));
    });
  });
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-5).join(' | ');
}
