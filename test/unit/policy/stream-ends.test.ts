import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../src/core/database/records.js';
import { doorOf, leadsInto, STREAM_PORT, streamEnds } from '../../../src/core/policy/stream-ends.js';

function route(changes: Partial<Route>): Route {
  return {
    id: 'r',
    name: 'ccat_to_cologne',
    origin: 'ccat',
    destination: 'cologne',
    routeType: 'direct',
    transport: 'stream',
    priority: 0,
    active: true,
    options: { host: 'input.example.org' },
    ...changes,
  };
}

const fromOrigin = { host: 'ccat.example.org', port: 7000, listener: 'origin' } as const;

test('the destination listens unless the route says that the origin does, and the other end dials', () => {
  const routes = [route({})];
  assert.deepEqual(streamEnds('cologne', routes), { listens: true, dials: [] });
  assert.deepEqual(streamEnds('ccat', routes), { listens: false, dials: [] });
  assert.deepEqual(doorOf(route({})), { site: 'cologne', host: 'input.example.org', port: STREAM_PORT });

  const other = [route({ options: fromOrigin })];
  const door = { site: 'ccat', host: 'ccat.example.org', port: 7000 };
  assert.deepEqual(doorOf(route({ options: fromOrigin })), door);
  assert.deepEqual(streamEnds('ccat', other), { listens: true, dials: [] });
  assert.deepEqual(streamEnds('cologne', other), { listens: false, dials: [{ ...door, active: true }] });
});

test('one door is dialled once, and is active where any route over it is', () => {
  const routes = [
    route({ options: fromOrigin, active: false }),
    route({ name: 'second', options: fromOrigin }),
    route({ name: 'third', options: fromOrigin, active: false }),
    route({ name: 'elsewhere', options: { ...fromOrigin, port: 7001 }, active: false }),
  ];
  assert.deepEqual(
    streamEnds('cologne', routes).dials.map(({ port, active }) => [port, active]),
    [
      [7000, true],
      [7001, false],
    ],
  );
});

test('other transports and relays, whose hops are routes of their own, need no door', () => {
  for (const changes of [{ transport: 'sftp' }, { routeType: 'relay', via: 'us' }] as const)
    for (const site of ['ccat', 'cologne'])
      assert.deepEqual(streamEnds(site, [route(changes)]), { listens: false, dials: [] });
});

test('only a site from which a stream route leads there may send into a location', () => {
  const buffer = { site: 'cologne', name: 'buffer' };
  assert.ok(leadsInto([route({})], 'ccat', buffer));
  assert.ok(leadsInto([route({ active: false })], 'ccat', buffer), 'what is under way ends');
  assert.ok(leadsInto([route({ routeType: 'custom', destinationLocation: 'buffer' })], 'ccat', buffer));
  for (const [routes, from] of [
    [[], 'ccat'],
    [[route({})], 'us'],
    [[route({ destination: 'us' })], 'ccat'],
    [[route({ transport: 'sftp' })], 'ccat'],
    [[route({ routeType: 'custom', destinationLocation: 'spare' })], 'ccat'],
    [[route({ routeType: 'relay', via: 'us' })], 'ccat'],
  ] as const)
    assert.ok(!leadsInto(routes, from, buffer));
});
