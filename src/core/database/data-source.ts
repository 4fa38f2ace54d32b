import { DataSource, DefaultNamingStrategy } from 'typeorm';
import { ConfigurationError } from '../exceptions.js';
import { classifyDatabaseError } from './classify-database-error.js';
import { ENTITIES } from './entities/index.js';
import { MIGRATIONS } from './migrations/index.js';
import { PlanningClient } from './planned-once.js';

/** Any number, as long as everybody who migrates uses the same. */
const MIGRATION_LOCK = 7_236_001;

/** How a process uses the database; the keys `database.*` of the configuration. */
export interface PoolOptions {
  /** Most connections of this process. */
  poolSize?: number;
  /** For a statement, and for a pause within a transaction. */
  statementSeconds?: number;
  connectSeconds?: number;
}

/**
 * Connects to the catalogue's database.
 *
 * @param url `postgres://user:password@host:port/database`
 * @throws ConfigurationError if the URL, the credentials or the database are wrong
 * @throws DatabaseError if the server can't be reached now
 */
export async function openDataSource(url: string, options: PoolOptions = {}): Promise<DataSource> {
  const { poolSize = 5, statementSeconds = 60, connectSeconds = 10 } = options;
  // The driver would take anything and look for a database on this machine; a URL may hold a password, so it is not shown.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigurationError('the address of the catalogue is not a postgres:// URL', {
      subject: 'catalogue',
    });
  }
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    namingStrategy: new SnakeCaseNames(),
    synchronize: false,
    installExtensions: false,
    logging: false,
    poolSize,
    connectTimeoutMS: connectSeconds * 1000,
    applicationName: 'ccat-data-transfer',
    // An idle connection that breaks is replaced by the pool; whoever needs one next learns whether the server is there.
    poolErrorHandler: () => undefined,
    extra: {
      Client: PlanningClient,
      keepAlive: true,
      statement_timeout: statementSeconds * 1000,
      idle_in_transaction_session_timeout: statementSeconds * 1000,
    },
  });
  try {
    return await dataSource.initialize();
  } catch (error) {
    throw classifyDatabaseError(error);
  }
}

/**
 * Brings the tables up to date; processes that do so at once wait for each other.
 *
 * @throws ConfigurationError if the user may not create tables
 * @throws DatabaseError if the server can't be reached now
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  // A lock belongs to a connection, and migrations take another one.
  const holder = dataSource.createQueryRunner();
  try {
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      await dataSource.runMigrations({ transaction: 'each' });
    } finally {
      await holder.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  } catch (error) {
    throw classifyDatabaseError(error);
  } finally {
    await holder.release();
  }
}

/** Columns are called as the properties are, in snake case. */
class SnakeCaseNames extends DefaultNamingStrategy {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? propertyName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
