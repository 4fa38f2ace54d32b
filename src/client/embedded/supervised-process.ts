import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceUnavailableError } from '../../core/exceptions.js';
import { openLog, lastLines } from './bounded-log.js';
import { sendSignal } from './process-identity.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** A process that ran this long was well: its next end starts the pauses anew. */
const STABLE_MS = 60_000;
/** A process that was never ready and ended this often will not become ready by another try. */
const FIRST_START_TRIES = 5;
const READY_POLL_MS = 100;

/** One process to keep running. */
export interface ProcessSpec {
  /** Its name in messages; its log is `<name>.log`. */
  name: string;
  command: string;
  args: readonly string[];
  /** Its whole environment. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** One look whether it serves: rejects while it does not and is asked again. Without it, it is ready at once. */
  ready?: () => Promise<void>;
  /** Longest time from the first start to the first readiness, in milliseconds. */
  startTimeoutMs?: number;
  /** How to ask it to end, and how long it may take until it is killed. */
  stopSignal?: NodeJS.Signals;
  stopTimeoutMs?: number;
  /** Whether it is started again when it ends by itself. */
  restart?: boolean;
  /** Opens a channel for messages; the other end sees its `disconnect` event when this process is gone. */
  ipc?: boolean;
  onMessage?: (message: unknown) => void;
}

/** What a supervised process tells its supervisor. */
export interface ProcessListener {
  report: (line: string) => void;
  /** A process was started or has ended; called in the same moment, so that it is written down before anything else. */
  changed: (pid: number | undefined) => void;
  logFile: string;
}

/** Keeps one process running until it is stopped. */
export class SupervisedProcess {
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #wasReady = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(
    readonly spec: ProcessSpec,
    private readonly listener: ProcessListener,
  ) {}

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts it and waits until it is ready.
   *
   * @throws ServiceUnavailableError with the last lines of its log when it does not become ready
   */
  async start(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#loop = this.#keepRunning(reject);
    });
    const timeoutMs = this.spec.startTimeoutMs ?? 60_000;
    const timer = new AbortController();
    const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw this.#notReady(`was not ready after ${timeoutMs / 1000} s`);
    });
    try {
      await Promise.race([this.#becomeReady(), failed, late]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      timer.abort();
      late.catch(() => undefined);
    }
  }

  /** Asks it to end, kills it when it takes too long, and returns when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const { pid } = this;
    if (pid !== undefined) {
      const ended = new Promise((resolve) => this.#child?.once('exit', resolve));
      this.askToEnd();
      const killer = setTimeout(() => sendSignal(pid, 'SIGKILL'), this.spec.stopTimeoutMs ?? 10_000);
      await ended;
      clearTimeout(killer);
      // What it has started itself shares its process group.
      sendSignal(-pid, 'SIGKILL');
    }
    await this.#loop;
  }

  /** Sends the stop signal and does not wait. */
  askToEnd(): void {
    if (this.pid !== undefined) sendSignal(this.pid, this.spec.stopSignal ?? 'SIGTERM');
  }

  async #keepRunning(giveUp: (error: Error) => void): Promise<void> {
    const { name, restart = true } = this.spec;
    let pause = FIRST_PAUSE_MS;
    for (let tries = 1; !this.#isStopping(); tries += 1) {
      const startedAt = Date.now();
      const how = await this.#run();
      if (this.#isStopping()) return;
      if (!this.#wasReady && (tries >= FIRST_START_TRIES || !restart)) {
        giveUp(this.#notReady(how));
        return;
      }
      if (!restart) {
        this.listener.report(`${name} ${how}`);
        return;
      }
      if (Date.now() - startedAt > STABLE_MS) pause = FIRST_PAUSE_MS;
      this.listener.report(`${name} ${how}; starting it again in ${pause / 1000} s`);
      await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Runs the process once; resolves with how it ended, in words. */
  #run(): Promise<string> {
    const { command, args, env, cwd, ipc, onMessage } = this.spec;
    const log = openLog(this.listener.logFile);
    // A process group of its own: Ctrl-C in the terminal reaches us alone, and we end the others in order.
    const child = spawn(command, args, {
      env,
      cwd,
      detached: true,
      stdio: ['ignore', log, log, ...(ipc ? (['ipc'] as const) : [])],
    });
    closeSync(log);
    this.#child = child;
    this.listener.changed(child.pid);
    if (onMessage !== undefined) child.on('message', onMessage);
    return new Promise((resolve) => {
      const ended = (how: string) => {
        this.#child = undefined;
        this.listener.changed(undefined);
        resolve(how);
      };
      child.once('error', (error) => {
        if (child.pid === undefined) ended(`could not be started: ${error.message}`);
      });
      child.once('exit', (code, signal) =>
        ended(signal === null ? `ended with ${code ?? 0}` : `was ended by ${signal}`),
      );
    });
  }

  /** Polls until the process of the moment serves. */
  async #becomeReady(): Promise<void> {
    while (!this.#isStopping()) {
      const pid = this.pid;
      if (pid !== undefined && (await this.#isReady()) && pid === this.pid) {
        this.#wasReady = true;
        return;
      }
      await sleep(READY_POLL_MS);
    }
  }

  async #isReady(): Promise<boolean> {
    if (this.spec.ready === undefined) return true;
    return this.spec.ready().then(
      () => true,
      () => false,
    );
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #notReady(how: string): ServiceUnavailableError {
    const { name, command } = this.spec;
    return new ServiceUnavailableError(`${name} ${how}`, {
      operation: 'start',
      subject: name,
      advice: `look into ${this.listener.logFile}`,
      context: { command, log: lastLines(this.listener.logFile) },
    });
  }
}
