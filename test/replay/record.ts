import { writeFileSync } from 'node:fs';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connectTemporal } from '../../src/client/temporal.js';

/**
 * Records one history of each workflow type and outcome from a running server into `test/replay/histories`:
 *
 *     TEMPORAL_ADDRESS=127.0.0.1:PORT node dist/test/replay/record.js [CASE]
 *
 * Files that are there already stay: they hold what older code did.
 */
const HISTORIES = new URL('../../../test/replay/histories/', import.meta.url);
/** Names of hosts and processes are nobody's business here, and no replay needs them. */
const PRIVATE = new Set([
  'identity',
  'binaryChecksum',
  'workerVersion',
  'hostName',
  'requestId',
  'originalExecutionRunId',
  'stackTrace',
]);

const [, , note] = process.argv;
const { client, close } = await connectTemporal({
  address: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233',
  namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
});
const seen = new Set<string>();
for await (const { type, status, workflowId, runId } of client.workflow.list({
  query: 'ExecutionStatus != "Running"',
})) {
  const name = `${type}.${status.name.toLowerCase()}${note === undefined ? '' : `-${note}`}.json`;
  if (seen.has(name)) continue;
  seen.add(name);
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const json = JSON.stringify(
    { workflowId, history: JSON.parse(historyToJSON(history)) as unknown },
    (key, value: unknown) => (PRIVATE.has(key) ? undefined : withoutHost(value)),
    1,
  );
  writeFileSync(new URL(name, HISTORIES), `${json}\n`, { flag: 'wx' });
  process.stderr.write(`${name}\n`);
}
await close();

/** The queue of one worker's own is named for its process and machine. */
function withoutHost(value: unknown): unknown {
  const isQueue = typeof value === 'object' && value !== null && 'kind' in value && 'name' in value;
  return isQueue && value.kind === 'TASK_QUEUE_KIND_STICKY' ? { ...value, name: '1@worker' } : value;
}
