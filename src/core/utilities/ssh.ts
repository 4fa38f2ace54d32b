import { once } from 'node:events';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { CCATDataOperationError, DataTransferError, NetworkError, PermanentError } from '../exceptions.js';
import { classifySshError } from './classify-ssh-error.js';
import { hostName } from './known-hosts.js';
import { printable } from './printable.js';
import { readSshKeys, sshSettings, wrongKey, type SshTarget } from './ssh-settings.js';

export type { SshTarget } from './ssh-settings.js';

export interface SshCommandOptions {
  /** What the command reads; nothing where it is missing. Streamed: held is one piece. */
  input?: AsyncIterable<Uint8Array>;
  /** Seconds after which the command is given up; 60 where nothing is said. */
  timeLimitSeconds?: number;
  /** Bytes of stdout and stderr together that are taken; 1 MiB where nothing is said. */
  maxOutputBytes?: number;
  signal?: AbortSignal;
}

export interface SshCommandResult {
  /** Null where a signal ended it. */
  exitCode: number | null;
  signal?: string;
  stdout: string;
  stderr: string;
}

const TIME_LIMIT_SECONDS = 60;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** An argument as a POSIX shell takes it for exactly these characters. */
export function quoteForShell(argument: string): string {
  if (argument.includes('\0'))
    throw new PermanentError(`"${printable(argument)}" can't be an argument`, {
      subject: printable(argument),
    });
  return `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Runs a program on another machine and waits for its end, whatever that is. Every argument reaches the program as it is: SSH hands a
 * command to the user's shell there, which must be a POSIX shell, and each argument is quoted for it.
 *
 * Given up (time, output, `signal`), the connection is broken after the program was sent SIGTERM; a program that ignores that goes on until it reads or writes.
 *
 * @throws ConfigurationError for keys that can't be read, a host that is not known by its key, a refused user
 * @throws NetworkError when the host can't be reached or the connection breaks
 * @throws DataTransferError for a command that takes too long or writes too much
 */
export async function runSshCommand(
  target: SshTarget,
  command: readonly [program: string, ...args: string[]],
  options: SshCommandOptions = {},
): Promise<SshCommandResult> {
  const { signal, timeLimitSeconds = TIME_LIMIT_SECONDS } = options;
  const line = command.map(quoteForShell).join(' ');
  const keys = await readSshKeys(target);
  signal?.throwIfAborted();
  const server = `${target.username}@${hostName(target.host, target.port)}`;
  const subject = `${printable(command[0])} at ${server}`;
  const client = new ssh2.Client();
  // Whatever ends the work before its time is told here; all waiting is a race with it.
  const { promise: given, reject: giveUp } = withReject();
  const onAbort = () => giveUp(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort);
  const timer = setTimeout(
    () => giveUp(new DataTransferError(`${subject} took more than ${timeLimitSeconds} s`, { subject })),
    timeLimitSeconds * 1000,
  );
  let channel: ClientChannel | undefined;
  try {
    client.on('error', (error) => giveUp(classifySshError(error, server)));
    client.on('close', () =>
      giveUp(new NetworkError(`the connection to ${server} was closed`, { subject: server })),
    );
    const ready = once(client, 'ready', { signal });
    ready.catch(() => undefined);
    try {
      client.connect(sshSettings(target, keys, giveUp));
    } catch (error) {
      throw wrongKey(target, error);
    }
    await Promise.race([ready.catch(() => given), given]);
    channel = await Promise.race([open(client, line, server), given]);
    return await Promise.race([converse(channel, subject, options, giveUp), given]);
  } catch (error) {
    if (channel !== undefined) stop(channel);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    client.end();
  }
}

function withReject(): { promise: Promise<never>; reject: (reason: Error) => void } {
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<never>((_resolve, rejected) => (reject = rejected));
  // It may be told of before anybody waits, and after everybody does.
  promise.catch(() => undefined);
  return { promise, reject };
}

function open(client: Client, line: string, server: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error) reject(classifySshError(error, server));
      else resolve(channel);
    });
  });
}

async function converse(
  channel: ClientChannel,
  subject: string,
  { input, maxOutputBytes = MAX_OUTPUT_BYTES }: SshCommandOptions,
  giveUp: (reason: Error) => void,
): Promise<SshCommandResult> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let taken = 0;
  const take = (into: Buffer[]) => (piece: Buffer) => {
    taken += piece.length;
    if (taken <= maxOutputBytes) into.push(piece);
    else giveUp(new DataTransferError(`${subject} wrote more than ${maxOutputBytes} bytes`, { subject }));
  };
  let end: { exitCode: number | null; signal?: string } | undefined;
  channel.on('data', take(stdout));
  channel.stderr.on('data', take(stderr));
  channel.on('exit', (exitCode: number | null, signal?: string) => {
    end = { exitCode, ...(typeof signal === 'string' ? { signal } : {}) };
  });
  channel.on('error', (error: Error) => giveUp(classifySshError(error, subject)));
  const state = { closed: false };
  const ended = new Promise<void>((resolve) =>
    channel.on('close', () => {
      state.closed = true;
      resolve();
    }),
  );
  for await (const piece of input ?? []) {
    if (state.closed) break;
    if (!channel.write(piece))
      await Promise.race([new Promise((resolve) => channel.once('drain', resolve)), ended]);
  }
  if (!state.closed) channel.end();
  await ended;
  if (end === undefined) throw new NetworkError(`${subject} ended without telling how`, { subject });
  return {
    ...end,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

function stop(channel: ClientChannel): void {
  try {
    channel.signal('TERM');
  } catch (error) {
    // The channel is gone already, and its program with it.
    if (error instanceof CCATDataOperationError) throw error;
  }
}
