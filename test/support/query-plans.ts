import type { DataSource, Logger } from 'typeorm';

export interface Sent {
  statement: string;
  parameters: unknown[];
}

/** Every statement that something sends, but for those that only begin, end, lock or fetch. */
export async function statementsOf(dataSource: DataSource, act: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const before = dataSource.logger;
  const nothing = () => undefined;
  const logger: Logger = {
    logQuery: (statement, parameters = []) =>
      void sent.push({ statement, parameters: parameters as unknown[] }),
    logQueryError: nothing,
    logQuerySlow: nothing,
    logSchemaBuild: nothing,
    logMigration: nothing,
    log: nothing,
  };
  dataSource.logger = logger;
  try {
    await act();
  } finally {
    dataSource.logger = before;
  }
  return sent
    .map((one) => ({ ...one, statement: one.statement.replace(/^\s*declare \w+ no scroll cursor for/i, '') }))
    .filter(({ statement }) => /^\s*(with|select|insert|update|delete)\b/i.test(statement));
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Total Cost': number;
  Plans?: PlanNode[];
}

/** The tables that grow with the years, and the indexes that hold all of their rows. */
export interface Large {
  tables: Set<string>;
  wholeIndexes: Map<string, string>;
}

export async function largeTables(dataSource: DataSource, rows: number): Promise<Large> {
  const tables = await dataSource.query<{ name: string }[]>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples >= $1`,
    [rows],
  );
  const indexes = await dataSource.query<{ name: string; of: string }[]>(
    `select c.relname as name, t.relname as of from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     where i.indpred is null and t.relname = any($1)`,
    [tables.map(({ name }) => name)],
  );
  return {
    tables: new Set(tables.map(({ name }) => name)),
    wholeIndexes: new Map(indexes.map(({ name, of }) => [name, of])),
  };
}

/** Steps that ask for a row when they are asked for one. */
const PASSING = [
  ...[
    'Nested Loop',
    'Merge Append',
    'Append',
    'Subquery Scan',
    'LockRows',
    'Result',
    'Incremental Sort',
    'Memoize',
  ],
];

/** How a plan is made: as PostgreSQL likes it best, or by looking rows up one by one wherever an index allows it, as it does in large tables. */
export type Planned = 'as liked' | 'by looking up';

const BY_LOOKING_UP = ['seqscan', 'hashjoin', 'mergejoin']
  .map((way) => `set local enable_${way} = off`)
  .join('; ');

/** The large tables that a statement would read whole: row by row, or by an index from its one end to the other. */
async function readWhole(
  dataSource: DataSource,
  { statement, parameters }: Sent,
  large: Large,
  planned: Planned,
): Promise<string[]> {
  const answer = await dataSource.transaction(async (manager) => {
    if (planned === 'by looking up') await manager.query(BY_LOOKING_UP);
    return manager.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(
      `explain (format json) ${statement}`,
      parameters,
    );
  });
  const found: string[] = [];
  const visit = (node: PlanNode, bounded: boolean): void => {
    const [table = '', index = ''] = [node['Relation Name'], node['Index Name']];
    const type = node['Node Type'];
    if (type === 'Seq Scan' && large.tables.has(table)) found.push(table);
    const ofIndex = large.wholeIndexes.get(index);
    if (ofIndex !== undefined && node['Index Cond'] === undefined && !bounded) found.push(ofIndex);
    // Below a limit, what is joined to or merged is read as far as that needs; what is sorted or hashed there is read first.
    node.Plans?.forEach((one, which) => {
      const reads = PASSING.includes(type) || (type.endsWith('Join') && which === 0);
      visit(one, type === 'Limit' || (bounded && reads));
    });
  };
  visit(answer[0]!['QUERY PLAN'][0]!.Plan, false);
  return found;
}

/** The same of many statements: each large table that would be read whole, and by what. */
export async function allReadWhole(
  dataSource: DataSource,
  sent: Sent[],
  large: Large,
  planned: Planned = 'as liked',
): Promise<string[]> {
  const found: string[] = [];
  for (const one of new Map(sent.map((each) => [each.statement, each])).values())
    for (const table of await readWhole(dataSource, one, large, planned))
      found.push(`all of ${table}: ${one.statement.replace(/\s+/g, ' ').slice(0, 300)}`);
  return found;
}
