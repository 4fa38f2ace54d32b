import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTopology } from '../../src/client/topology.js';
import type { Topology } from '../../src/core/database/records.js';
import { ConfigurationError } from '../../src/core/exceptions.js';
import { formatTopology, parseTopology, topologyChanges } from '../../src/core/topology-document.js';
import { entry, observatory, planPackages, resultOf, topology } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

const without = (whole: Topology, name: string): Topology => ({
  ...whole,
  locations: whole.locations.filter((one) => `${one.site}.${one.name}` !== name),
});

test('what a document does not name is removed where that is asked for, and with it what only speaks of it', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const kept = topology();
    await catalogue.ensureTopology({
      sites: [{ shortName: 'us', name: 'Cornell' }],
      locations: [{ ...kept.locations[2]!, site: 'us', name: 'spare' }],
      routes: [],
    });
    await catalogue.ensureTopology(kept);
    await catalogue.ensureTopology({
      sites: [],
      locations: [],
      routes: [{ ...kept.routes[0]!, name: 'to_us', destination: 'us' }],
    });
    const { id } = await catalogue.location('us', 'spare');
    await dataSource.query(
      'insert into location_fill (data_location_id, measured_at, used_bytes) values ($1, now(), 100)',
      [id],
    );

    const told = ['remove route to_us', 'remove location us.spare', 'remove site us'];
    assert.deepEqual(await applyTopology(catalogue, kept, { prune: true, dryRun: true }), told);
    assert.equal((await catalogue.topology()).sites.length, 3, 'a dry run changes nothing');
    assert.deepEqual(await applyTopology(catalogue, kept, { prune: true }), told);
    assert.deepEqual(await applyTopology(catalogue, kept, { prune: true }), [], 'done twice is done once');
    assert.deepEqual(topologyChanges(await catalogue.topology(), kept), []);
    const [audited] = await dataSource.query<{ n: number }[]>(
      `select count(*)::integer as n from audit_entry where action in ('route_removed', 'location_removed', 'site_removed')`,
    );
    assert.equal(audited?.n, 3);
  }));

test('what holds copies or has a history is not removed, and nothing else is changed then', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a.fits')], 0);
    const [planned] = await planPackages(catalogue, at);
    await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id));
    const before = await catalogue.topology();

    const wanted = without(topology(), 'ccat.buffer');
    const changed = { ...wanted, sites: wanted.sites.map((one) => ({ ...one, name: `${one.name}!` })) };
    await assert.rejects(applyTopology(catalogue, changed, { prune: true }), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, /location ccat\.buffer: it holds 1 copies, .*raw_data_package tells of it/);
      assert.match(error.advice ?? '', /active: false/);
      return true;
    });
    assert.deepEqual(await catalogue.topology(), before);
    const [line] = await applyTopology(catalogue, wanted, { prune: true, dryRun: true });
    assert.match(line ?? '', /^can't remove location ccat\.buffer: it holds 1 copies/);
    await assert.rejects(
      applyTopology(catalogue, without(topology(), 'ccat.chai'), { prune: true }),
      /raw_data_file tells of it/,
    );
    // Who changed what there is never forgotten.
    await catalogue.settings.set(
      'packaging.max_bytes',
      1e9,
      { site: 'cologne', location: 'lta' },
      { by: 'test' },
    );
    await assert.rejects(
      applyTopology(catalogue, without(topology(), 'cologne.lta'), { prune: true }),
      /cologne\.lta: setting_change tells of it/,
    );
  }));

test('a topology that is exported and imported again changes nothing', () =>
  withCatalogue(async ({ catalogue }) => {
    await catalogue.ensureTopology(topology());
    for (const format of ['yaml', 'toml'] as const) {
      const document = formatTopology(await catalogue.topology(), format);
      const again = parseTopology(document, format, 'exported');
      assert.deepEqual(await applyTopology(catalogue, again, { prune: true }), []);
      assert.equal(formatTopology(await catalogue.topology(), format), document);
    }
  }));
