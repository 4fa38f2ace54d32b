import { posix } from 'node:path';
import {
  CCATDataOperationError,
  ConfigurationError,
  DataTransferError,
  DestinationFileExistsError,
  PermanentError,
  StorageError,
  UnpackError,
} from '../exceptions.js';
import { printable } from './printable.js';
import { runSshCommand, type SshCommandOptions, type SshCommandResult, type SshTarget } from './ssh.js';
import { uniqueId } from './unique-id.js';

type Options = Pick<SshCommandOptions, 'signal' | 'timeLimitSeconds'>;
type Class = typeof CCATDataOperationError;

const BYTES_PER_GB = 1e9;
/** What the programs there say in the C locale, and what it means. */
const CAUSES: [says: RegExp, Class: Class][] = [
  [/No space left on device|Disk quota exceeded/, StorageError],
  [/File exists|Directory not empty|cannot overwrite/, DestinationFileExistsError],
  [/command not found|: not found/, ConfigurationError],
  [
    /Permission denied|Operation not permitted|No such file or directory|Not a directory|Read-only/,
    PermanentError,
  ],
];

/**
 * Makes a folder on another machine, with those above it; that it is there already is success.
 *
 * @throws PermanentError where the user may not, or the path is not absolute
 * @throws DestinationFileExistsError where a file has its name
 */
export async function createRemoteFolder(
  target: SshTarget,
  path: string,
  options: Options = {},
): Promise<void> {
  await succeed(target, ['mkdir', '-p', '--', absolute(path)], path, DataTransferError, options);
}

/** What a folder on another machine takes on its disk, in GB (10^9 bytes). */
export async function checkRemoteFolderSizeGb(
  target: SshTarget,
  path: string,
  options: Options = {},
): Promise<number> {
  const command: Command = ['du', '-s', '-k', '--', absolute(path)];
  const { stdout } = await succeed(target, command, path, DataTransferError, options);
  const kibibytes = /^(\d+)\s/.exec(stdout)?.[1];
  if (kibibytes === undefined)
    throw new DataTransferError(`du tells no size: ${printable(stdout.slice(0, 200))}`, {
      subject: printable(path),
    });
  return (Number(kibibytes) * 1024) / BYTES_PER_GB;
}

/**
 * Streams a tar into `tar -x` on another machine: the tar itself is never written there. The folder appears whole or not at all; the one
 * above it must exist. What the tar holds is to be verified there by its manifest.
 *
 * @param folder absolute; if it exists it must be empty
 * @throws UnpackError where tar fails, DestinationFileExistsError where the folder holds something, StorageError where the disk is full
 */
export async function unpackRemote(
  target: SshTarget,
  tar: AsyncIterable<Uint8Array>,
  folder: string,
  options: Options = {},
): Promise<void> {
  const final = absolute(folder).replace(/\/+$/, '');
  const part = posix.join(posix.dirname(final), `.${uniqueId()}.part`);
  await succeed(target, ['mkdir', '--', part], final, UnpackError, options);
  try {
    const unpack: Command = ['tar', '-x', '--no-same-owner', '-f', '-', '-C', part];
    await succeed(target, unpack, final, UnpackError, { ...options, input: tar });
    // Only now, and by its own command: to tar, a line that breaks between two entries looks like the end.
    await succeed(target, ['sync', '-f', '--', part], final, UnpackError, options);
    await succeed(target, ['mv', '-T', '--', part, final], final, UnpackError, options);
  } catch (error) {
    await removePart(target, part, error);
    throw error;
  }
}

/** The first error is the one that counts; what could not be removed is told with it. */
async function removePart(target: SshTarget, part: string, error: unknown): Promise<void> {
  const [outcome] = await Promise.allSettled([
    succeed(target, ['rm', '-rf', '--', part], part, UnpackError, {}),
  ]);
  if (outcome.status === 'rejected' && error instanceof CCATDataOperationError)
    error.context['leftOver'] = part;
}

type Command = [program: string, ...args: string[]];

async function succeed(
  target: SshTarget,
  command: Command,
  path: string,
  Otherwise: Class,
  options: SshCommandOptions,
): Promise<SshCommandResult> {
  const result = await runSshCommand(target, ['env', 'LC_ALL=C', ...command], options);
  if (result.exitCode === 0) return result;
  const subject = printable(path);
  const Found = CAUSES.find(([says]) => says.test(lastReason(result.stderr)))?.[1] ?? Otherwise;
  const end =
    result.exitCode === null ? `signal ${result.signal ?? 'unknown'}` : `exit code ${result.exitCode}`;
  throw new Found(
    `${command[0]} at ${target.host} failed (${end}): ${printable(result.stderr.slice(0, 500))}`,
    {
      subject,
      advice: `Look at ${subject} on ${target.host}: its disk, its permissions, and whether ${command[0]} is there.`,
    },
  );
}

/** What stands after the last colon of a line is the reason; before it are names. */
function lastReason(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf(': ')))
    .join('\n');
}

function absolute(path: string): string {
  if (posix.isAbsolute(path) && posix.normalize(path) !== '/') return path;
  throw new PermanentError(`"${printable(path)}" is no absolute path of a folder`, {
    subject: printable(path),
  });
}
