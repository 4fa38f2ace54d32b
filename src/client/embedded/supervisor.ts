import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { trimLog } from './bounded-log.js';
import { dataPaths, type DataPaths } from './data-directory.js';
import { forgetProcess, ownerMark, recordProcess } from './leftovers.js';
import { SupervisedProcess, type ProcessSpec } from './supervised-process.js';

export type { ProcessSpec } from './supervised-process.js';

const TRIM_MS = 30_000;

/**
 * Keeps processes running: starts them, starts them again when they end by themselves, and stops them all in order.
 *
 * Each process is written down in the data directory, so that the next start finds what a killed one left behind.
 */
export class Supervisor {
  readonly #paths: DataPaths;
  readonly #report: (line: string) => void;
  readonly #processes = new Map<string, SupervisedProcess>();
  readonly #trimmer: NodeJS.Timeout;
  readonly #atExit: () => void;

  /** @param options.report is told each restart in one line */
  constructor(options: { dataDirectory: string; report: (line: string) => void }) {
    this.#paths = dataPaths(options.dataDirectory);
    this.#report = options.report;
    this.#trimmer = setInterval(() => {
      for (const name of this.#processes.keys()) trimLog(this.#logFile(name));
    }, TRIM_MS);
    this.#trimmer.unref();
    // A crash of ours runs no further code but this: the processes are asked to end, without waiting.
    this.#atExit = () => {
      for (const process of this.#processes.values()) process.askToEnd();
    };
    process.once('exit', this.#atExit);
  }

  /**
   * Starts a process and waits until it is ready; from then on keeps it running.
   *
   * @throws ServiceUnavailableError when it does not become ready
   */
  async start(spec: ProcessSpec): Promise<void> {
    await mkdir(this.#paths.logs, { recursive: true });
    const env = { ...spec.env, ...ownerMark(this.#paths) };
    const process = new SupervisedProcess(
      { ...spec, env },
      {
        report: this.#report,
        logFile: this.#logFile(spec.name),
        changed: (pid) => {
          if (pid === undefined) forgetProcess(this.#paths, spec.name);
          else recordProcess(this.#paths, spec.name, pid);
        },
      },
    );
    this.#processes.set(spec.name, process);
    await process.start();
  }

  /** The process number of the moment; undefined between an end and the next start. */
  pidOf(name: string): number | undefined {
    return this.#processes.get(name)?.pid;
  }

  /** Stops the named processes at once and waits for all. */
  async stop(...names: string[]): Promise<void> {
    const processes = names
      .map((name) => this.#processes.get(name))
      .filter((process) => process !== undefined);
    await Promise.all(processes.map((process) => process.stop()));
    for (const name of names) this.#processes.delete(name);
  }

  /** Stops everything, the last started first, and returns when no process is left. */
  async stopAll(): Promise<void> {
    for (const name of [...this.#processes.keys()].reverse()) await this.stop(name);
    clearInterval(this.#trimmer);
    process.off('exit', this.#atExit);
  }

  /** The directory of the processes' logs. */
  get logs(): string {
    return this.#paths.logs;
  }

  #logFile(name: string): string {
    return join(this.#paths.logs, `${name}.log`);
  }
}
