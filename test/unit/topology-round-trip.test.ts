import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Topology } from '../../src/core/database/records.js';
import { formatTopology, parseTopology, topologyChanges } from '../../src/core/topology-document.js';

/** Any topology that a document can describe. */

const slug = fc.stringMatching(/^[a-z0-9]([a-z0-9_-]{0,10}[a-z0-9])?$/);
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
const path = fc.stringMatching(/^\/[a-zA-Z0-9 #:'"{}é_/-]{0,20}$/);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const time = fc.stringMatching(/^(0\d|1\d|2[0-3]):[0-5]\d$/);

const place = fc.record({
  name: slug,
  priority: fc.integer({ min: -1000, max: 1000 }),
  active: fc.boolean(),
  failureDomain: maybe(text),
});
const onDisk = fc.record({
  locationType: fc.constantFrom('source', 'buffer', 'processing'),
  storageType: fc.constant('disk'),
  path,
  deletable: fc.boolean(),
});
const archive = fc.record({
  locationType: fc.constant('long_term_archive'),
  storageType: fc.constant('s3'),
  bucket: fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,20}[a-z0-9]$/),
  endpoint: maybe(fc.constantFrom('https://s3.example.org', 'http://127.0.0.1:7070')),
  deletable: fc.constant(false),
});
const location = fc.tuple(place, fc.oneof(onDisk, archive)).map(([common, own]) => ({ ...common, ...own }));
const site = fc.record({
  shortName: slug,
  name: text,
  locations: fc.uniqueArray(location, { selector: (one) => one.name, maxLength: 4 }),
});

const topology = fc
  .uniqueArray(site, { selector: (one) => one.shortName, minLength: 2, maxLength: 4 })
  .chain((sites) => {
    const [origin, destination] = sites.map((one) => one.shortName);
    const route = fc.record({
      name: slug,
      origin: fc.constant(origin),
      destination: fc.constant(destination),
      routeType: fc.constant('direct'),
      priority: fc.integer({ min: -1000, max: 1000 }),
      active: fc.boolean(),
      maxTransfers: maybe(fc.integer({ min: 1, max: 100 })),
      maxBytesPerSecond: maybe(fc.integer({ min: 1, max: 1e12 })),
      hours: maybe(fc.array(fc.record({ from: time, to: time }), { minLength: 1, maxLength: 3 })),
    });
    const way = fc.oneof(
      fc.record({
        transport: fc.constant('local'),
        options: fc.record({ directory: path }, { requiredKeys: [] }),
      }),
      fc.record({
        transport: fc.constant('stream'),
        options: fc.record(
          {
            host: fc.constantFrom('input.example.org', '::1'),
            port: fc.integer({ min: 1, max: 65_535 }),
            listener: fc.constantFrom('destination', 'origin'),
          },
          { requiredKeys: ['host'] },
        ),
      }),
    );
    const wayOf = fc.tuple(route, way).map(([common, own]) => ({ ...common, ...own }));
    return fc.uniqueArray(wayOf, { selector: (one) => one.name, maxLength: 4 }).map((routes) => ({
      sites: sites.map(({ shortName, name }) => ({ shortName, name })),
      locations: sites.flatMap((one) => one.locations.map((here) => ({ ...here, site: one.shortName }))),
      routes,
    }));
  }) as fc.Arbitrary<Topology>;

test('every topology comes back from its document as it was, and the document from it', () => {
  fc.assert(
    fc.property(topology, fc.constantFrom('yaml' as const, 'toml' as const), (whole, format) => {
      const document = formatTopology(whole, format);
      const again = parseTopology(document, format, 'again');
      assert.deepEqual([...topologyChanges(whole, again), ...topologyChanges(again, whole)], []);
      const counts = ({ sites, locations, routes }: Topology) => [
        sites.length,
        locations.length,
        routes.length,
      ];
      assert.deepEqual(counts(again), counts(whole));
      assert.equal(formatTopology(again, format), document);
    }),
  );
});
