import type { DataSource, EntityManager } from 'typeorm';
import { classifyDatabaseError } from './classify-database-error.js';

/** How the parts of the catalogue reach its tables: whatever the database throws leaves as a class of `exceptions.ts`. */
export class Transactions {
  constructor(private readonly dataSource: DataSource) {}

  /** All or nothing. */
  async write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.dataSource.transaction(work);
    } catch (error) {
      throw classifyDatabaseError(error);
    }
  }

  /** For reads of few statements: saves the round trips that begin and end a transaction. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await work(this.dataSource.manager);
    } catch (error) {
      throw classifyDatabaseError(error);
    }
  }
}
