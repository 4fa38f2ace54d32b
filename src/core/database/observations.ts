import type { Status } from '../states.js';
import * as observations from './catalogue/observations.js';
import type { Transactions } from './transactions.js';

/**
 * What instruments tell of executions. Each call may come late, twice, or before the one that should precede it. Throws as
 * {@link Catalogue} does: {@link PermanentError} where a call contradicts what was told before.
 */
export class Observations {
  constructor(private readonly transactions: Transactions) {}

  /** Records that an execution began; answers with its id in the catalogue. */
  start(told: observations.Started): Promise<string> {
    return this.transactions.write((manager) => observations.startExecution(manager, told));
  }

  /** Records that an execution is over, so that its files are packaged as soon as they are still. */
  finish(told: observations.Finished): Promise<string> {
    return this.transactions.write((manager) => observations.finishExecution(manager, told));
  }

  /** The latest first. */
  list(which: {
    sourceLocationId?: string;
    status?: Status;
    limit: number;
  }): Promise<observations.Execution[]> {
    return this.transactions.read((manager) => observations.listExecutions(manager, which));
  }

  /** By id, by the instrument's UUID, or by name, which several sources may use. */
  find(word: string): Promise<observations.Execution[]> {
    return this.transactions.read((manager) => observations.findExecutions(manager, word));
  }
}
