import ssh2, { type Client, type SFTPWrapper } from 'ssh2';
import { CCATDataOperationError, ConfigurationError, NetworkError } from '../exceptions.js';
import { classifySftpStatus, classifySshError } from '../utilities/classify-ssh-error.js';
import { hostName } from '../utilities/known-hosts.js';
import {
  readSshKeys,
  sshSettings,
  wrongKey,
  type SshKeys,
  type SshTarget,
} from '../utilities/ssh-settings.js';
import type { TransportTarget } from './transport.js';

export type SftpTarget = Extract<TransportTarget, { transport: 'sftp' }>;
/** How the client answers. */
export type Callback<T> = (error: Error | null | undefined, result?: T) => void;
/** Sends a request and waits for its answer. */
export type SftpRequests = <T>(
  subject: string,
  send: (sftp: SFTPWrapper, callback: Callback<T>) => void,
) => Promise<T>;

/** A server that owes answers and gives none for this long is given up. */
const SILENCE_MS = 60_000;

/**
 * An SSH connection with an SFTP session, or several of them. Every request ends: with its answer, with its status as a class of ours, or, when the connection breaks, falls
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

  private constructor(target: SshTarget) {
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
  static async open(target: SshTarget, signal?: AbortSignal): Promise<SftpConnection> {
    const keys = await readSshKeys(target);
    signal?.throwIfAborted();
    const connection = new SftpConnection(target);
    const onAbort = () => connection.fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort);
    try {
      await connection.#connect(target, keys);
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

  /** Sends a request over the first session and waits for its answer. */
  request<T>(subject: string, send: (sftp: SFTPWrapper, callback: Callback<T>) => void): Promise<T> {
    if (this.#sftp === undefined)
      return Promise.reject(new NetworkError('no SFTP session is open', { subject }));
    return this.#request(this.#sftp, subject, send);
  }

  /** Opens one more session: the server gives each a window of its own. */
  async openSession(): Promise<SftpRequests> {
    const sftp = await this.#open();
    return (subject, send) => this.#request(sftp, subject, send);
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

  async #connect(target: SshTarget, keys: SshKeys): Promise<void> {
    await this.#await<undefined>((callback) => {
      this.#client.once('ready', () => callback(undefined));
      this.#client.once('connect', () => this.#client.setNoDelay(true));
      try {
        this.#client.connect(sshSettings(target, keys, (reason) => this.fail(reason)));
      } catch (error) {
        throw wrongKey(target, error);
      }
    });
    this.#sftp = await this.#open();
  }

  async #open(): Promise<SFTPWrapper> {
    const sftp = await this.#await<SFTPWrapper>((callback) =>
      this.#client.sftp((error, opened) => callback(error ? this.#noSftp(error) : error, opened)),
    );
    sftp.on('error', (error: Error) => this.fail(classifySshError(error, this.#server)));
    sftp.on('close', () =>
      this.fail(new NetworkError(`${this.#server} ended the SFTP session`, { subject: this.#server })),
    );
    return sftp;
  }

  #request<T>(
    sftp: SFTPWrapper,
    subject: string,
    send: (sftp: SFTPWrapper, callback: Callback<T>) => void,
  ): Promise<T> {
    return this.#await<T>((callback) => {
      try {
        send(sftp, (error, result) => callback(error ? this.#classify(error, subject) : error, result));
      } catch (error) {
        throw this.#unsupported(error, subject);
      }
    });
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
