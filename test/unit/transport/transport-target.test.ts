import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Location, Route } from '../../../src/core/database/records.js';
import { ConfigurationError } from '../../../src/core/exceptions.js';
import type { Logger } from '../../../src/core/logging.js';
import { BbcpTransport } from '../../../src/core/transport/bbcp-transport.js';
import { transportTarget } from '../../../src/core/transport/transport-target.js';
import { transports } from '../../../src/worker/transports.js';

const OVER_SSH = { host: 'h.example', username: 'u', identityFile: '/i', knownHostsFile: '/k' };

const destination = { site: 'b', name: 'buffer', path: '/buffer' } as Location;

function route(more: Partial<Route> = {}): Route {
  return {
    ...{ id: '1', name: 'r', origin: 'a', destination: 'b', routeType: 'direct', priority: 0, active: true },
    transport: 'bbcp',
    options: OVER_SSH,
    ...more,
  };
}

function limited(more: Partial<Route>): number | undefined {
  const target = transportTarget(route(more), destination);
  assert.ok(target.transport === 'bbcp');
  return target.maxBytesPerSecond;
}

test('a run of bbcp keeps its share of the limit of the route, so that all of them together keep the limit', () => {
  assert.equal(limited({ maxBytesPerSecond: 100_000_001, maxTransfers: 4 }), 25_000_000);
  assert.equal(limited({ maxTransfers: 4 }), undefined);
  assert.throws(() => limited({ maxBytesPerSecond: 1e8 }), ConfigurationError);
  // One file after the other then: two at once would go twice as fast.
  const sends = (maxBytesPerSecond?: number) =>
    new BbcpTransport({ transport: 'bbcp', directory: '/b', port: 22, ...OVER_SSH, maxBytesPerSecond })
      .parallelSends;
  assert.deepEqual([sends(1e6), sends()], [1, 2]);
});

test('of a route that moves bytes in the clear the log warns once', async () => {
  const warned: string[] = [];
  const log = { warn: (message: string) => void warned.push(message) } as unknown as Logger;
  const to = transports(log, () => {
    throw new Error('no route is of transport stream');
  });
  for (const one of [route(), route(), route({ transport: 'sftp' }), route({ name: 'other' })])
    await to(one, destination).close();
  assert.equal(warned.length, 2);
  assert.match(warned[0] ?? '', /in the clear/);
});
