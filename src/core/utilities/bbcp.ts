import { ConfigurationError, PermanentError } from '../exceptions.js';
import { printable } from './printable.js';

/** A file, or a folder to copy into, as bbcp is to find it. */
export interface BbcpPlace {
  /** Absolute. */
  path: string;
  /** Reached over SSH; this machine where there is none. */
  host?: string;
  username?: string;
}

/** How bbcp reaches the other machine. */
export interface BbcpSsh {
  port: number;
  /** Path of the private key. */
  identityFile: string;
  /** Path of the known_hosts file that must list the host's key. */
  knownHostsFile: string;
  /** bbcp's path at the other end, where it is not on the PATH of a command there. */
  program?: string;
}

/** What a route says of how bbcp is run. */
export interface BbcpOptions {
  /** Its path on the worker's host; `bbcp` of the PATH where absent. */
  program?: string;
  /** Its path at the other end; `bbcp` of the PATH there where absent. */
  remoteProgram?: string;
  /** Network streams, 1 to 64; 16 where absent. */
  streams?: number;
  /** Bytes of each stream's TCP window; the system's own tuning where absent. */
  windowBytes?: number;
  /** Ports of the end that listens. */
  ports?: { first: number; last: number };
  /** The destination connects to the origin. */
  reverse?: boolean;
}

export interface BbcpTuning {
  ssh?: BbcpSsh;
  /** Network streams, 1 to 64. */
  streams?: number;
  /** Bytes of the TCP window of one stream, 1 KiB to 1 GiB. */
  windowBytes?: number;
  /** Bytes per second at most, 1 KiB to 1 GiB. */
  maxBytesPerSecond?: number;
  /** Seconds between two progress lines, 2 to 3600. With 1, bbcp 15.02 writes a hundred lines each second. */
  progressSeconds?: number;
  /** Seconds after which bbcp gives up. */
  timeLimitSeconds?: number;
  /** Ports for the data connections; bbcp listens on every interface. */
  ports?: { first: number; last: number };
  /** The target connects to the source: for a firewall that lets connections out only. */
  reverse?: boolean;
  /** The target's file is on its disk before bbcp ends. */
  flush?: boolean;
  /** What to do about a file of that name at the target: refuse it (bbcp's own way), replace it, or go on where it ends. */
  existing?: 'refuse' | 'replace' | 'resume';
}

const STREAMS = 4;
const PROGRESS_SECONDS = 5;
const KIB = 1024;
const GIB = 1024 ** 3;
/** bbcp and the shells behind it split and expand what they are given: only names that mean themselves to all of them pass. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9._+=,-]+)+\/?$/;
const PLAIN_HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
/** bbcp looks a host's name up, and waits where nobody knows it. */
const NUMERIC_HOST = /^\d+(?:\.\d+){3}$/;
const PLAIN_USER = /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/;

/**
 * The program and its arguments for one copy by bbcp, to be started without a shell. It reports progress and a summary on stderr, in
 * the form that `bbcp-output.ts` reads, and checks every block on the way.
 *
 * @throws PermanentError for a path that could mean anything but itself to bbcp, to ssh or to a shell at the other end
 * @throws ConfigurationError for a host, a user or a number that bbcp does not take
 */
export function makeBbcpCommand(source: BbcpPlace, target: BbcpPlace, tuning: BbcpTuning = {}): string[] {
  const { ssh, ports, windowBytes, maxBytesPerSecond, timeLimitSeconds } = tuning;
  const launch = ssh === undefined ? [] : ['-S', sshCommand(ssh), '-T', sshCommand(ssh)];
  if (ports !== undefined && ports.first > ports.last)
    throw wrong('ports', `${ports.first}:${ports.last}`, 'the first port first');
  return [
    'bbcp',
    ...launch,
    ...['-s', number('streams', tuning.streams ?? STREAMS, 1, 64)],
    ...['-P', number('progressSeconds', tuning.progressSeconds ?? PROGRESS_SECONDS, 2, 3600)],
    ...['-V', '-e'],
    ...(NUMERIC_HOST.test(source.host ?? target.host ?? '') ? ['-n'] : []),
    ...(tuning.flush === true ? ['-y', 'd'] : []),
    ...(windowBytes === undefined ? [] : ['-w', number('windowBytes', windowBytes, KIB, GIB)]),
    ...(maxBytesPerSecond === undefined
      ? []
      : ['-x', number('maxBytesPerSecond', maxBytesPerSecond, KIB, GIB)]),
    ...(timeLimitSeconds === undefined
      ? []
      : ['-t', number('timeLimitSeconds', timeLimitSeconds, 1, 30 * 86_400)]),
    ...(ports === undefined ? [] : ['-Z', `${port(ports.first)}:${port(ports.last)}`]),
    ...(tuning.reverse === true ? ['-z'] : []),
    ...{ refuse: [], replace: ['-f'], resume: ['-a', '-k'] }[tuning.existing ?? 'refuse'],
    '--',
    specification(source, ssh),
    specification(target, ssh),
  ];
}

/** bbcp puts user and host in for %U and %H, and splits this at its spaces. */
function sshCommand({ port: number, identityFile, knownHostsFile, program = 'bbcp' }: BbcpSsh): string {
  // A connection that is shared with others was opened with their keys, and outlives bbcp.
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'ControlPath=none', 'StrictHostKeyChecking=yes'];
  return [
    ...['ssh', '-x', '-a', '-p', port(number), '-i', plainPath(identityFile)],
    ...[...options, `UserKnownHostsFile=${plainPath(knownHostsFile)}`].flatMap((option) => ['-o', option]),
    ...['%4', '%I', '-l', '%U', '%H', program === 'bbcp' ? program : plainPath(program)],
  ].join(' ');
}

function specification({ path, host, username }: BbcpPlace, ssh: BbcpSsh | undefined): string {
  const file = plainPath(path);
  if (host === undefined) return file;
  if (ssh === undefined) throw wrong('ssh', 'nothing', `how to reach ${printable(host)}`);
  if (!PLAIN_HOST.test(host)) throw wrong('host', host, 'a host name or an IPv4 address');
  if (username === undefined) return `${host}:${file}`;
  if (!PLAIN_USER.test(username)) throw wrong('username', username, 'a plain user name');
  return `${username}@${host}:${file}`;
}

function plainPath(path: string): string {
  const folders = path.split('/');
  if (PLAIN_PATH.test(path) && !folders.includes('..') && !folders.includes('.')) return path;
  throw new PermanentError(`"${printable(path)}" can't be given to bbcp`, {
    subject: printable(path),
    advice: 'bbcp takes absolute paths of letters, digits and ._+=,- only; send this by another transport.',
  });
}

function port(value: number): string {
  return number('port', value, 1, 65_535);
}

function number(name: string, value: number, least: number, most: number): string {
  if (Number.isInteger(value) && value >= least && value <= most) return String(value);
  throw wrong(name, String(value), `a whole number from ${least} to ${most}`);
}

function wrong(name: string, value: string, expected: string): ConfigurationError {
  return new ConfigurationError(`${name} of bbcp is ${printable(value)}, expected is ${expected}`, {
    subject: name,
    advice: 'Correct the route.',
  });
}
