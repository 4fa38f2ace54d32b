import { readFile } from 'node:fs/promises';
import ssh2, { type Client, type ConnectConfig, type SFTPWrapper, type ServerHostKeyAlgorithm } from 'ssh2';
import { CCATDataOperationError, ConfigurationError, NetworkError } from '../exceptions.js';
import {
  fingerprint,
  hostName,
  judgeHostKey,
  knownKeyTypes,
  type HostKeyVerdict,
} from '../utilities/known-hosts.js';
import { classifySftpStatus, classifySshError } from './classify-ssh-error.js';
import type { TransportTarget } from './transport.js';

export type SftpTarget = Extract<TransportTarget, { transport: 'sftp' }>;
/** How the client answers. */
export type Callback<T> = (error: Error | null | undefined, result?: T) => void;

const HANDSHAKE_MS = 30_000;
const KEEPALIVE_MS = 10_000;
/** A server that owes answers and gives none for this long is given up. */
const SILENCE_MS = 60_000;

/** Algorithms in which a key of each type in known_hosts may sign; RSA never with SHA-1. */
const SIGNATURES: Partial<Record<string, ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * One SFTP session. Every request ends: with its answer, with its status as a class of ours, or, when the connection breaks, falls
 * silent or is broken by {@link fail}, with the reason of that.
 */
export class SftpConnection {
  readonly #client: Client;
  readonly #server: string;
  /** How to end each request that has no answer yet. */
  readonly #waiting = new Set<(reason: Error) => void>();
  readonly #watchdog: NodeJS.Timeout;
  #sftp: SFTPWrapper | undefined;
  #failure: Error | undefined;
  #heardAt = Date.now();

  private constructor(target: SftpTarget) {
    this.#client = new ssh2.Client();
    this.#server = `${target.username}@${hostName(target.host, target.port)}`;
    this.#client
      .on('error', (error) => this.fail(classifySshError(error, this.#server)))
      .on('close', () =>
        this.fail(
          new NetworkError(`the connection to ${this.#server} was closed`, { subject: this.#server }),
        ),
      );
    this.#watchdog = setInterval(() => this.#checkSilence(), SILENCE_MS / 12);
  }

  /**
   * Connects and opens the session.
   *
   * @throws ConfigurationError for keys that can't be read, a host that is not known by its key, a refused user
   * @throws NetworkError when the server can't be reached
   */
  static async open(target: SftpTarget, signal?: AbortSignal): Promise<SftpConnection> {
    const privateKey = await readSetting(target.identityFile, 'identityFile');
    const knownHosts = await readSetting(target.knownHostsFile, 'knownHostsFile');
    signal?.throwIfAborted();
    const connection = new SftpConnection(target);
    const onAbort = () => connection.fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort);
    try {
      await connection.#connect(target, privateKey, knownHosts);
      return connection;
    } catch (error) {
      connection.fail(error as Error);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  get broken(): boolean {
    return this.#failure !== undefined;
  }

  /** Sends a request and waits for its answer. */
  request<T>(subject: string, send: (sftp: SFTPWrapper, callback: Callback<T>) => void): Promise<T> {
    return this.#await<T>((callback) => {
      if (this.#sftp === undefined) throw new NetworkError('no SFTP session is open', { subject });
      try {
        send(this.#sftp, (error, result) => callback(error ? this.#classify(error, subject) : error, result));
      } catch (error) {
        throw this.#unsupported(error, subject);
      }
    });
  }

  /** Breaks the connection; everything that still waits fails with this reason. */
  fail(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    clearInterval(this.#watchdog);
    this.#client.destroy();
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  /** Says goodbye. */
  close(): void {
    this.#client.end();
    this.fail(
      new NetworkError(`the connection to ${this.#server} was closed by us`, { subject: this.#server }),
    );
  }

  async #connect(target: SftpTarget, privateKey: Buffer, knownHosts: Buffer): Promise<void> {
    await this.#await<undefined>((callback) => {
      this.#client.once('ready', () => callback(undefined));
      this.#client.once('connect', () => this.#client.setNoDelay(true));
      try {
        this.#client.connect(this.#settings(target, privateKey, knownHosts.toString('utf8')));
      } catch (error) {
        throw wrongKey(target, error);
      }
    });
    this.#sftp = await this.#await<SFTPWrapper>((callback) =>
      this.#client.sftp((error, sftp) => callback(error ? this.#noSftp(error) : error, sftp)),
    );
    this.#sftp.on('error', (error: Error) => this.fail(classifySshError(error, this.#server)));
    this.#sftp.on('close', () =>
      this.fail(new NetworkError(`${this.#server} ended the SFTP session`, { subject: this.#server })),
    );
  }

  #settings(target: SftpTarget, privateKey: Buffer, knownHosts: string): ConnectConfig {
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
        if (verdict !== 'trusted') this.fail(untrusted(target, key, verdict));
        return verdict === 'trusted';
      },
    };
  }

  /** A promise that also ends when the connection does. */
  #await<T>(begin: (callback: Callback<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      if (this.#waiting.size === 0) this.#heardAt = Date.now();
      this.#waiting.add(reject);
      try {
        begin((error, result) => {
          this.#waiting.delete(reject);
          this.#heardAt = Date.now();
          if (error) reject(error);
          else resolve(result as T);
        });
      } catch (error) {
        this.#waiting.delete(reject);
        throw error;
      }
    });
  }

  /** Without a status it is no answer to the request, but the end of the connection. */
  #classify(error: Error, subject: string): CCATDataOperationError {
    return 'code' in error ? classifySftpStatus(error, subject) : classifySshError(error, this.#server);
  }

  #noSftp(error: Error): CCATDataOperationError {
    return new ConfigurationError(`${this.#server} opens no SFTP session: ${error.message}`, {
      subject: this.#server,
      advice: 'Let the SSH server offer the sftp subsystem to this user.',
      cause: error,
    });
  }

  /** The client throws at once where the server lacks an extension. */
  #unsupported(error: unknown, subject: string): unknown {
    if (error instanceof CCATDataOperationError || !(error instanceof Error)) return error;
    if (!error.message.includes('does not support')) return classifySshError(error, this.#server);
    return new ConfigurationError(`${this.#server} lacks an extension of SFTP: ${error.message}`, {
      subject,
      advice: "Serve the destination with OpenSSH's SFTP server.",
      cause: error,
    });
  }

  #checkSilence(): void {
    if (this.#waiting.size === 0 || Date.now() - this.#heardAt < SILENCE_MS) return;
    this.fail(
      new NetworkError(`${this.#server} did not answer for ${SILENCE_MS / 1000} s`, {
        subject: this.#server,
      }),
    );
  }
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

function wrongKey({ identityFile }: SftpTarget, cause: unknown): ConfigurationError {
  return new ConfigurationError(`${identityFile} is no private key that can be used`, {
    subject: identityFile,
    advice: 'Name a private key in OpenSSH or PEM format that has no passphrase.',
    cause,
  });
}

function untrusted(
  target: SftpTarget,
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
