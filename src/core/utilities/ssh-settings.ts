import { readFile } from 'node:fs/promises';
import type { ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';
import { ConfigurationError } from '../exceptions.js';
import { fingerprint, hostName, judgeHostKey, knownKeyTypes, type HostKeyVerdict } from './known-hosts.js';

/** A user of a machine that is reached over SSH. */
export interface SshTarget {
  host: string;
  port: number;
  username: string;
  /** Path of the private key on this machine. */
  identityFile: string;
  /** Path of the known_hosts file that must list the host's key. */
  knownHostsFile: string;
}

export interface SshKeys {
  privateKey: Buffer;
  knownHosts: string;
}

const HANDSHAKE_MS = 30_000;
const KEEPALIVE_MS = 10_000;

/** Algorithms in which a key of each type in known_hosts may sign; RSA never with SHA-1. */
const SIGNATURES: Partial<Record<string, ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** @throws ConfigurationError for a file that can't be read */
export async function readSshKeys(target: SshTarget): Promise<SshKeys> {
  const privateKey = await readSetting(target.identityFile, 'identityFile');
  const knownHosts = await readSetting(target.knownHostsFile, 'knownHostsFile');
  return { privateKey, knownHosts: knownHosts.toString('utf8') };
}

/**
 * How to connect: with this key alone, and only to the host that known_hosts lists.
 *
 * @param refuse told why the host is not trusted; the handshake ends then
 */
export function sshSettings(
  target: SshTarget,
  { privateKey, knownHosts }: SshKeys,
  refuse: (reason: ConfigurationError) => void,
): ConnectConfig {
  const { host, port, username } = target;
  const serverHostKey = knownKeyTypes(knownHosts, host, port).flatMap((type) => SIGNATURES[type] ?? []);
  return {
    host,
    port,
    username,
    privateKey,
    readyTimeout: HANDSHAKE_MS,
    keepaliveInterval: KEEPALIVE_MS,
    authHandler: ['publickey'],
    ...(serverHostKey.length > 0 ? { algorithms: { serverHostKey } } : {}),
    hostVerifier: (key: Buffer) => {
      const verdict = judgeHostKey(knownHosts, host, port, key);
      if (verdict !== 'trusted') refuse(untrusted(target, key, verdict));
      return verdict === 'trusted';
    },
  };
}

async function readSetting(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(`${setting} ${path} can't be read: ${code}`, {
      subject: path,
      advice: `Correct ${setting} of the route, or the file's permissions.`,
      cause: error,
    });
  }
}

/** The error for a private key that the client does not take. */
export function wrongKey({ identityFile }: SshTarget, cause: unknown): ConfigurationError {
  return new ConfigurationError(`${identityFile} is no private key that can be used`, {
    subject: identityFile,
    advice: 'Name a private key in OpenSSH or PEM format that has no passphrase.',
    cause,
  });
}

function untrusted(
  target: SshTarget,
  key: Buffer,
  verdict: Exclude<HostKeyVerdict, 'trusted'>,
): ConfigurationError {
  const host = hostName(target.host, target.port);
  const reasons = {
    unknown: `${target.knownHostsFile} does not list it`,
    changed: `${target.knownHostsFile} lists another one: the host was set up anew, or somebody stands between`,
    revoked: `${target.knownHostsFile} says that it is revoked`,
  };
  return new ConfigurationError(
    `the key ${fingerprint(key)} of ${host} is not trusted: ${reasons[verdict]}`,
    {
      subject: host,
      advice: `Ask the administrator of ${host} for the fingerprint of its key; add the key to known_hosts only when it is the same.`,
      context: { fingerprint: fingerprint(key), verdict },
    },
  );
}
