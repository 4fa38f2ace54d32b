import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { ConfigurationError, StorageError } from '../exceptions.js';
import { makeLongTermArchiveCopyCommand, type CopyProgram } from './make-long-term-archive-copy-command.js';
import { printable } from './printable.js';

const LOOK_MS = 1000;
const MOST_WORDS = 2000;

/**
 * Has a program copy a file; its progress is what the copy has on disk.
 *
 * @throws ConfigurationError where the program is not installed, StorageError with the end of what it said where it fails
 */
export async function copyByProgram(
  program: CopyProgram,
  from: string,
  to: string,
  options: { signal?: AbortSignal; onProgress?: (bytesDone: number) => void } = {},
): Promise<void> {
  const [name, ...words] = makeLongTermArchiveCopyCommand(program, from, to);
  const look = setInterval(() => {
    stat(to).then(
      ({ size }) => options.onProgress?.(size),
      () => undefined,
    );
  }, LOOK_MS);
  try {
    await run(name, words, options.signal);
  } finally {
    clearInterval(look);
  }
  options.onProgress?.((await stat(to)).size);
}

function run(name: string, words: string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, words, { stdio: ['ignore', 'ignore', 'pipe'], shell: false, signal });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_WORDS);
    });
    let failure: Error | undefined;
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure =
        error.code === 'ENOENT'
          ? new ConfigurationError(`the program ${name} is not installed`, {
              subject: name,
              advice: 'Install it, or clear the setting archive.copy_program.',
              cause: error,
            })
          : error;
      if (child.pid === undefined) reject(failure);
    });
    // Only when it has ended does nobody write any more.
    child.on('close', (code, killedBy) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve();
      else
        reject(
          new StorageError(
            `${name} could not copy (${killedBy ?? `exit code ${code}`}): ${printable(said.trim())}`,
            { subject: words.at(-1) ?? name },
          ),
        );
    });
  });
}
