import { basename, dirname, isAbsolute, join } from 'node:path';
import { ConfigurationError, PermanentError } from '../exceptions.js';
import { printable } from './printable.js';

/** Programs that can copy into a disk archive, each with what makes it copy one file's content to one new file. */
export const COPY_PROGRAMS = {
  cp: ['cp', '--reflink=auto', '--sparse=never', '--no-target-directory'],
} as const;

export type CopyProgram = keyof typeof COPY_PROGRAMS;

/**
 * The words of a command that copies a file into a disk archive, for `spawn` without a shell. Names follow after `--`.
 *
 * @param from absolute path of the file
 * @param to absolute path of the copy, whose name is a file's
 * @throws ConfigurationError for an unknown program, PermanentError for a path that may not be handed to a program
 */
export function makeLongTermArchiveCopyCommand(
  program: string,
  from: string,
  to: string,
): [string, ...string[]] {
  if (!Object.hasOwn(COPY_PROGRAMS, program))
    throw new ConfigurationError(`"${printable(program)}" can't copy into an archive`, {
      subject: printable(program),
      advice: `use one of: ${Object.keys(COPY_PROGRAMS).join(', ')}`,
    });
  for (const path of [from, to]) requirePlainPath(path);
  const [name, ...options] = COPY_PROGRAMS[program as CopyProgram];
  return [name, ...options, '--', from, to];
}

/** Absolute, without a step upwards, an end that is a folder's, or a character that no name of ours has. */
function requirePlainPath(path: string): void {
  const plain =
    isAbsolute(path) &&
    basename(path) !== '' &&
    join(dirname(path), basename(path)) === path &&
    !hasControls(path);
  if (!plain)
    throw new PermanentError(`${printable(path)} is no path that may be copied`, {
      subject: printable(path),
    });
}

function hasControls(path: string): boolean {
  return Buffer.from(path).some((byte) => byte < 0x20 || byte === 0x7f);
}
