import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  CATALOGUE_WORK,
  isOperation,
  OPERATION_NAMES,
  OPERATIONS,
  operationsOf,
  type OperationType,
  type Work,
} from '../../src/core/operation-types.js';
import { queuesOfLocation } from '../../src/core/queue-discovery.js';
import { LOCATION_TYPES } from '../../src/core/states.js';
import { CATALOGUE, workAt } from '../../src/workflows/operations.js';

const rows: [string, Work][] = [...Object.entries(OPERATIONS), ['catalogue', CATALOGUE_WORK]];

for (const [name, work] of rows) {
  test(`${name} has every number, and they fit each other`, () => {
    const { startToClose, heartbeat, scheduleToClose } = work.timeouts;
    assert.ok(work.description.length > 0);
    assert.ok(Number.isInteger(work.concurrency) && work.concurrency >= 1);
    assert.ok(heartbeat > 0 && heartbeat < startToClose, 'silence is noticed before the attempt is over');
    assert.ok(startToClose <= scheduleToClose, 'one attempt fits into the whole');
    assert.ok(work.retry.initialInterval > 0 && work.retry.backoffCoefficient >= 1);
    assert.ok(work.retry.maximumInterval >= work.retry.initialInterval);
  });
}

test('every operation has locations, every type of location has operations', () => {
  for (const name of OPERATION_NAMES) {
    const { locationTypes }: OperationType = OPERATIONS[name];
    assert.ok(locationTypes.length > 0, name);
    assert.equal(new Set(locationTypes).size, locationTypes.length, name);
  }
  for (const type of LOCATION_TYPES) assert.ok(operationsOf(type).length > 0, type);
  assert.ok(
    !OPERATIONS.deletion.locationTypes.includes('long_term_archive' as never),
    'archives keep what they have',
  );
  assert.equal(isOperation('toString'), false);
});

test('an operation that the catalogue answers alone has no queue at its location', () => {
  const queues = queuesOfLocation({ site: 'ccat', name: 'buffer', locationType: 'buffer' });
  assert.deepEqual(queues, [
    'ccat.buffer.data_transfer',
    'ccat.buffer.data_transfer_unpacking',
    'ccat.buffer.deletion',
    'ccat.buffer.monitoring',
  ]);
});

test('workflows call activities by the numbers of the table', () => {
  const options = workAt('data_transfer', { site: 'ccat', location: 'buffer' });
  assert.equal(options.taskQueue, 'ccat.buffer.data_transfer');
  assert.equal(options.startToCloseTimeout, OPERATIONS.data_transfer.timeouts.startToClose * 1000);
  assert.equal(options.scheduleToCloseTimeout, OPERATIONS.data_transfer.timeouts.scheduleToClose * 1000);
  assert.equal(options.heartbeatTimeout, OPERATIONS.data_transfer.timeouts.heartbeat * 1000);
  assert.equal(options.retry?.maximumAttempts, undefined, 'bounded by time and by the class of the error');
  assert.equal(CATALOGUE.taskQueue, 'cdt.catalogue');
});

test('the page shows the table as it is', () => {
  const page = readFileSync(new URL('../../../docs/operation-types.md', import.meta.url), 'utf8');
  const shown = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
  const expected = rows.map(([name, work]) => {
    const { locationTypes, queue } = work as Partial<OperationType>;
    const { timeouts, retry, concurrency } = work;
    return [
      `\`${name}\``,
      locationTypes?.join(', ') ?? '',
      queue ?? 'catalogue',
      String(concurrency),
      words(timeouts.startToClose),
      words(timeouts.heartbeat),
      words(timeouts.scheduleToClose),
      `${retry.initialInterval} s, ×${retry.backoffCoefficient}, ${retry.maximumInterval} s`,
    ];
  });
  assert.deepEqual(
    shown,
    expected,
    `the page should show\n${expected.map((row) => `| ${row.join(' | ')} |`).join('\n')}`,
  );
});

function words(seconds: number): string {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ] as const)
    if (seconds % size === 0) return `${seconds / size} ${unit}`;
  return `${seconds} s`;
}
