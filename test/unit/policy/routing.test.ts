import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Location, Route } from '../../../src/core/database/records.js';
import { NOTHING_SENT, primaryDestination } from '../../../src/core/policy/primary-destination.js';
import { nextHop, type RoutingFacts } from '../../../src/core/policy/routing.js';

const NOON = new Date('2026-11-24T12:00:00Z');

function location(site: string, name: string, changes: Partial<Location> = {}): Location {
  return {
    id: `${site}.${name}`,
    site,
    name,
    locationType: 'buffer',
    storageType: 'disk',
    priority: 0,
    active: true,
    deletable: true,
    path: `/${name}`,
    ...changes,
  };
}

function route(origin: string, destination: string, changes: Partial<Route> = {}): Route {
  return {
    id: changes.name ?? `${origin}_to_${destination}`,
    name: `${origin}_to_${destination}`,
    origin,
    destination,
    routeType: 'direct',
    transport: 'local',
    priority: 0,
    active: true,
    options: {},
    ...changes,
  };
}

const archive = (site: string) =>
  location(site, 'lta', { locationType: 'long_term_archive', storageType: 's3', deletable: false });

function facts(changes: Partial<RoutingFacts>): RoutingFacts {
  const locations = [
    location('ccat', 'buffer'),
    location('cologne', 'buffer'),
    location('us', 'buffer'),
    location('hub', 'buffer'),
    archive('cologne'),
    archive('us'),
  ];
  return { locations, routes: [], openTransfers: new Map(), now: NOON, ...changes };
}

const here = location('ccat', 'buffer');

function hop(site: string, changes: Partial<RoutingFacts>, from = here): string {
  const found = nextHop(from, site, facts(changes));
  return 'hop' in found ? `${found.hop.route.name} -> ${found.hop.buffer.id}` : found.reasons.join('; ');
}

test('a custom route of the very locations goes before a route of the sites, whatever the priorities', () => {
  const routes = [
    route('ccat', 'cologne'),
    route('ccat', 'cologne', { name: 'special', routeType: 'custom', originLocation: 'buffer', priority: 9 }),
  ];
  assert.equal(hop('cologne', { routes }), 'special -> cologne.buffer');
  assert.equal(hop('cologne', { routes }, location('ccat', 'other')), 'ccat_to_cologne -> cologne.buffer');
});

test('routes that are off, full or closed at this hour are passed over, each with its reason', () => {
  const off = route('ccat', 'cologne', { name: 'off', active: false });
  const full = route('ccat', 'cologne', { name: 'full', maxTransfers: 2, priority: 1 });
  const night = route('ccat', 'cologne', {
    name: 'night',
    hours: [{ from: '22:00', to: '06:00' }],
    priority: 2,
  });
  const openTransfers = new Map([['full', 2]]);
  assert.equal(
    hop('cologne', { routes: [off, full, night], openTransfers }),
    'off is switched off; full has 2 of at most 2 transfers under way; night is used only from 22:00 to 06:00 UTC',
  );
  const last = route('ccat', 'cologne', { name: 'last', priority: 3 });
  assert.equal(hop('cologne', { routes: [off, full, night, last], openTransfers }), 'last -> cologne.buffer');
  const midnight = new Date('2026-11-24T00:30:00Z');
  assert.equal(hop('cologne', { routes: [night], now: midnight }), 'night -> cologne.buffer');
});

test('a relay leads to its station first, and a site without a route of its own is reached over a chain', () => {
  const legs = [route('ccat', 'hub'), route('hub', 'us')];
  const relay = route('ccat', 'us', { name: 'over hub', routeType: 'relay', via: 'hub' });
  assert.equal(hop('us', { routes: [...legs, relay] }), 'ccat_to_hub -> hub.buffer');
  assert.equal(hop('us', { routes: legs }), 'ccat_to_hub -> hub.buffer');
  assert.equal(hop('us', { routes: [relay] }), 'over hub: no route leads from ccat to hub');
  assert.equal(hop('us', { routes: [] }), 'no route leads from ccat to us');
});

test('buffers fail over by priority, and a site without an active one is not reached', () => {
  const routes = [route('ccat', 'cologne')];
  const buffers = (first: boolean, second: boolean) => [
    location('cologne', 'first', { active: first }),
    location('cologne', 'second', { active: second, priority: 1 }),
  ];
  assert.equal(
    hop('cologne', { routes, locations: buffers(true, true) }),
    'ccat_to_cologne -> cologne.first',
  );
  assert.equal(
    hop('cologne', { routes, locations: buffers(false, true) }),
    'ccat_to_cologne -> cologne.second',
  );
  assert.equal(
    hop('cologne', { routes, locations: buffers(false, false) }),
    'ccat_to_cologne: cologne has no active buffer',
  );
});

test('the sites with archives take turns, and one that can not be reached is left out', () => {
  const routes = [route('ccat', 'cologne'), route('ccat', 'us', { priority: 1 })];
  const choose = (used: [string, number][], changes: Partial<RoutingFacts> = {}) => {
    const found = primaryDestination(here, facts({ routes, ...changes }), {
      ...NOTHING_SENT,
      lastUsed: new Map(used),
    });
    return 'site' in found ? found.site : found.reasons.join('; ');
  };
  assert.equal(choose([]), 'cologne');
  assert.equal(choose([['cologne', 1]]), 'us');
  assert.equal(
    choose([
      ['cologne', 1],
      ['us', 2],
    ]),
    'cologne',
  );
  assert.equal(choose([], { routes: [routes[1]!] }), 'us');
  assert.equal(
    choose([], { locations: [location('ccat', 'buffer')] }),
    'no site has an active long-term archive',
  );
});
