import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Location, Route } from '../../../src/core/database/records.js';
import { CLOSED, type Breaker } from '../../../src/core/policy/breaker.js';
import type { DiskFacts } from '../../../src/core/policy/buffer-space.js';
import {
  NOTHING_SENT,
  PRIMARY_POLICIES,
  primaryDestination,
} from '../../../src/core/policy/primary-destination.js';
import { nextHop, type RoutingFacts } from '../../../src/core/policy/routing.js';

/** Every topology, every state of its ways: no plan uses a closed way, and where one is open a plan is found. */

const NOW = new Date('2026-11-24T12:00:00Z');
const SITES = ['ccat', 'cologne', 'hub', 'us'];
const OPEN: Breaker = {
  state: 'open',
  failures: 3,
  openings: 1,
  openedAt: NOW.getTime(),
  nextProbeAt: NOW.getTime() + 60_000,
};

function buffer(site: string, name: string, priority: number, active: boolean): Location {
  return {
    ...{ id: `${site}.${name}`, site, name, locationType: 'buffer', storageType: 'disk' },
    ...{ priority, active, deletable: true },
  };
}

function archive(site: string): Location {
  return {
    ...buffer(site, 'lta', 0, true),
    locationType: 'long_term_archive',
    storageType: 's3',
    deletable: false,
  };
}

type Filled = 'ok' | 'high' | 'critical';
const FREE: Record<Filled, number> = { ok: 900, high: 100, critical: 20 };

function disk(level: Filled, gone: boolean): DiskFacts {
  return {
    condition: gone ? 'missing' : 'usable',
    reason: gone ? 'not mounted' : undefined,
    level,
    levelSince: NOW.toISOString(),
    space: { totalBytes: 1000, freeBytes: FREE[level], totalInodes: 0, freeInodes: 0 },
    measuredAt: NOW.getTime(),
    stale: false,
    promisedBytes: 0,
    rules: {
      thresholds: {
        warn: { usedShare: 0.75, freeBytes: 0 },
        high: { usedShare: 0.85, freeBytes: 0 },
        critical: { usedShare: 0.95, freeBytes: 0 },
      },
      hysteresisShare: 0.03,
    },
  };
}

const site = fc.constantFrom(...SITES);
const rarely = fc.integer({ min: 0, max: 3 }).map((one) => one === 0);

const filled = fc.constantFrom<Filled>('ok', 'ok', 'ok', 'high', 'critical');

const anyRoute = fc.record({
  origin: site,
  destination: site,
  via: site,
  routeType: fc.constantFrom('direct' as const, 'relay' as const, 'custom' as const),
  target: fc.constantFrom('first', 'second'),
  priority: fc.nat(3),
  off: rarely,
  night: rarely,
  busy: rarely,
  broken: rarely,
});

const anyFacts = fc
  .record({
    routes: fc.array(anyRoute, { maxLength: 10 }),
    buffers: fc.array(fc.record({ off: rarely, filled, gone: rarely }), {
      minLength: 8,
      maxLength: 8,
    }),
  })
  .map(({ routes: described, buffers }): RoutingFacts => {
    const made = SITES.flatMap((one, index) =>
      ['first', 'second'].map((name, place) => ({
        location: buffer(one, name, place, !buffers[2 * index + place]!.off),
        disk: disk(buffers[2 * index + place]!.filled, buffers[2 * index + place]!.gone),
      })),
    );
    const valid = described.filter(
      (one) =>
        one.origin !== one.destination &&
        (one.routeType !== 'relay' || ![one.origin, one.destination].includes(one.via)),
    );
    const routes = valid.map((one, index): Route => ({
      ...{ id: `r${index}`, name: `r${index}`, origin: one.origin, destination: one.destination },
      ...{ routeType: one.routeType, transport: 'local', priority: one.priority, active: !one.off },
      ...(one.routeType === 'relay' ? { via: one.via } : {}),
      ...(one.routeType === 'custom' ? { destinationLocation: one.target } : {}),
      maxTransfers: 1,
      ...(one.night ? { hours: [{ from: '22:00', to: '06:00' }] } : {}),
      options: {},
    }));
    return {
      locations: [...made.map((one) => one.location), archive('cologne'), archive('us')],
      routes,
      openTransfers: new Map(routes.map((route, index) => [route.id, valid[index]!.busy ? 1 : 0])),
      breakers: new Map(routes.map((route, index) => [route.name, valid[index]!.broken ? OPEN : CLOSED])),
      disks: new Map(made.map((one) => [one.location.id, one.disk])),
      now: NOW,
    };
  });

const here = buffer('ccat', 'first', 0, true);

/** Told anew here, by what each fact means and not by the code under test. */
function isOpen(route: Route, facts: RoutingFacts): boolean {
  return (
    route.active &&
    route.hours === undefined &&
    (facts.openTransfers.get(route.id) ?? 0) < (route.maxTransfers ?? Infinity) &&
    facts.breakers?.get(route.name)?.state !== 'open'
  );
}

function takes(one: Location, facts: RoutingFacts): boolean {
  const found = facts.disks?.get(one.id);
  return one.active && found?.condition === 'usable' && found.level !== 'critical';
}

function leadsInto(route: Route, facts: RoutingFacts): Location[] {
  if (!isOpen(route, facts)) return [];
  return facts.locations.filter(
    (one) =>
      one.locationType === 'buffer' &&
      one.site === route.destination &&
      (route.destinationLocation ?? one.name) === one.name &&
      takes(one, facts),
  );
}

/** Whether any way is open: a route of the two sites, a relay over its station, or a chain of direct routes. */
function someWay(target: string, facts: RoutingFacts): boolean {
  const between = (from: string, to: string) =>
    facts.routes.filter((one) => one.origin === from && one.destination === to);
  const one = between('ccat', target).some((route) =>
    route.routeType === 'relay'
      ? isOpen(route, facts) &&
        between('ccat', route.via ?? '').some(
          (leg) => leg.routeType !== 'relay' && leadsInto(leg, facts).length > 0,
        )
      : leadsInto(route, facts).length > 0,
  );
  const reached = new Set(['ccat']);
  for (let round = 0; round < SITES.length; round++)
    for (const route of facts.routes.filter((leg) => leg.routeType === 'direct' && reached.has(leg.origin)))
      if (leadsInto(route, facts).length > 0) reached.add(route.destination);
  return one || reached.has(target);
}

test('no hop ever uses a closed route or a buffer that takes nothing; where a way is open, one is found', () =>
  fc.assert(
    fc.property(anyFacts, fc.constantFrom('cologne', 'us', 'hub'), (facts, target) => {
      const found = nextHop(here, target, facts, 10);
      assert.equal('hop' in found, someWay(target, facts));
      if ('reasons' in found) {
        assert.ok(found.reasons.length > 0);
        return;
      }
      const { route, buffer: into } = found.hop;
      assert.equal(route.origin, 'ccat');
      assert.ok(leadsInto(route, facts).some((one) => one.id === into.id));
      const isHigh = (one: Location) => facts.disks?.get(one.id)?.level === 'high';
      const before = leadsInto(route, facts).filter(
        (one) =>
          Number(isHigh(one)) < Number(isHigh(into)) ||
          (isHigh(one) === isHigh(into) && one.priority < into.priority),
      );
      assert.deepEqual(before, [], 'emptier ones first, and of those by priority');
    }),
    { numRuns: 1000 },
  ));

test('by every policy the first copy goes to a site with an archive over an open way, if there is one', () =>
  fc.assert(
    fc.property(
      anyFacts,
      fc.constantFrom(...PRIMARY_POLICIES),
      fc.dictionary(fc.constantFrom('cologne', 'us'), fc.nat()),
      (facts, policy, used) => {
        const numbers = new Map(Object.entries(used));
        const rates = new Map(facts.routes.map((route, index) => [route.id, index * 1000]));
        const sent = { ...NOTHING_SENT, lastUsed: numbers, bytes: numbers, rates };
        const found = primaryDestination(here, facts, sent, { policy, bytes: 10 });
        assert.equal(
          'site' in found,
          ['cologne', 'us'].some((one) => someWay(one, facts)),
        );
        if ('site' in found) assert.ok(leadsInto(found.hop.route, facts).length > 0);
      },
    ),
    { numRuns: 1000 },
  ));

const choose = (policy: (typeof PRIMARY_POLICIES)[number], sent: Partial<typeof NOTHING_SENT>) => {
  const routes = ['cologne', 'us'].map((destination): Route => ({
    ...{ id: destination, name: destination, origin: 'ccat', destination, routeType: 'direct' },
    ...{ transport: 'local', priority: 0, active: true, options: {} },
  }));
  const cologne = buffer('cologne', 'first', 0, true);
  const us = buffer('us', 'first', 0, true);
  const roomy = {
    ...disk('ok', false),
    space: { ...disk('ok', false).space, totalBytes: 10_000, freeBytes: 9000 },
  };
  const facts: RoutingFacts = {
    locations: [cologne, us, archive('cologne'), archive('us')],
    routes,
    openTransfers: new Map(),
    disks: new Map([
      [cologne.id, disk('ok', false)],
      [us.id, roomy],
    ]),
    now: NOW,
  };
  const found = primaryDestination(here, facts, { ...NOTHING_SENT, ...sent }, { policy });
  return 'site' in found ? found.site : found.reasons.join();
};

test('each policy chooses by what it is called after', () => {
  assert.equal(choose('round_robin', { lastUsed: new Map([['cologne', 1]]) }), 'us');
  assert.equal(choose('free_space', {}), 'us');
  const rates = new Map([
    ['cologne', 100e6],
    ['us', 1e6],
  ]);
  assert.equal(choose('observed_rate', { rates }), 'cologne');
  assert.equal(choose('observed_rate', { rates: new Map([['cologne', 1]]) }), 'us', 'one unknown is tried');
});

test('weighted: over many choices each site gets its share by free space and rate', () => {
  const rates = new Map([
    ['cologne', 30],
    ['us', 10],
  ]);
  const bytes = new Map<string, number>();
  for (let i = 0; i < 1300; i++) {
    const site = choose('weighted', { rates, bytes });
    bytes.set(site, (bytes.get(site) ?? 0) + 1);
  }
  // 900 free bytes at 30 B/s against 9000 at 10 B/s.
  assert.ok(Math.abs((bytes.get('us') ?? 0) - 1000) <= 2, String(bytes.get('us')));
});
