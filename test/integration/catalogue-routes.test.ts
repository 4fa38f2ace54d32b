import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import type { Route, Topology } from '../../src/core/database/records.js';
import { entry, packaged, topology, type Observatory } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { due } from './support/deletion-fixture.js';

const LIMITS = { maxPackages: 50, maxBytes: 1e12 };

function route(
  origin: string,
  destination: string,
  changes: Partial<Route> = {},
): Topology['routes'][number] {
  const name = `${origin}-${destination}`;
  return {
    name,
    origin,
    destination,
    routeType: 'direct',
    transport: 'local',
    priority: 1,
    active: true,
    options: {},
    ...changes,
  };
}

/** The two sites of the fixture, a third with an archive, and a station without one. */
async function threeSites(catalogue: Catalogue, routes: Topology['routes']): Promise<Observatory> {
  const { sites, locations } = topology();
  const [buffer, archive] = [locations[2]!, locations[3]!];
  await catalogue.ensureTopology({
    sites: [...sites, { shortName: 'us', name: 'US' }, { shortName: 'hub', name: 'Hub' }],
    locations: [
      ...locations,
      { ...buffer, site: 'us', path: '/data/us' },
      { ...archive, site: 'us', bucket: 'us-archive' },
      { ...buffer, site: 'hub', path: '/data/hub' },
    ],
    routes,
  });
  return {
    source: await catalogue.location('ccat', 'chai'),
    buffer: await catalogue.location('ccat', 'buffer'),
    arrival: await catalogue.location('cologne', 'buffer'),
    archive: await catalogue.location('cologne', 'lta'),
  };
}

/** Plans at the buffer of a site, delivers what was planned, and tells where it went. */
async function deliver(catalogue: Catalogue, site: string): Promise<string[]> {
  const buffer = await catalogue.location(site, 'buffer');
  const planned = await catalogue.planDataTransfers({ bufferLocationId: buffer.id, ...LIMITS });
  for (const { id } of planned) {
    const { packages } = await catalogue.transferOrder(id);
    const arrived = packages.map((one) => ({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 }));
    await catalogue.recordArrival(id, arrived, []);
  }
  return planned.map((one) => one.destination.site);
}

async function archiveAt(catalogue: Catalogue, site: string, packageId: string): Promise<void> {
  const archive = await catalogue.location(site, 'lta');
  const order = await catalogue.archiveOrder(packageId, archive.id);
  await catalogue.recordArchived(packageId, archive.id, {
    key: `raw/${order.package.name}.tar`,
    bytes: order.copy.bytes,
    sha256: order.copy.sha256,
    verifiedAt: new Date().toISOString(),
  });
}

test('a package leaves the observatory once, and the second archive gets it from the first', () =>
  withCatalogue(async ({ catalogue }) => {
    const routes = [
      route('ccat', 'cologne'),
      route('ccat', 'us', { priority: 2 }),
      route('cologne', 'us'),
      route('us', 'cologne'),
    ];
    const at = await threeSites(catalogue, routes);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    assert.deepEqual(await deliver(catalogue, 'ccat'), ['cologne']);
    assert.deepEqual(await deliver(catalogue, 'cologne'), [], 'it is not in the archive there yet');
    await archiveAt(catalogue, 'cologne', packageId);
    assert.deepEqual(
      await due(catalogue, packageId),
      ['ccat.buffer', 'ccat.chai'],
      'the copy there is needed',
    );
    assert.deepEqual(await deliver(catalogue, 'cologne'), ['us']);
    assert.deepEqual(await deliver(catalogue, 'cologne'), []);
    await archiveAt(catalogue, 'us', packageId);
    for (const site of ['ccat', 'cologne', 'us']) assert.deepEqual(await deliver(catalogue, site), [], site);
    assert.ok((await due(catalogue, packageId)).includes('cologne.buffer'));
    assert.equal((await catalogue.packageSummary(packageId)).state, 'archived');

    const [second = ''] = await packaged(catalogue, at, [entry('obs-2/a')]);
    assert.deepEqual(await deliver(catalogue, 'ccat'), ['us'], 'the sites take turns');
    await archiveAt(catalogue, 'us', second);
    assert.deepEqual(await deliver(catalogue, 'us'), ['cologne']);
  }));

test('over a relay a package goes by its station, which forwards it to one archive', () =>
  withCatalogue(async ({ catalogue }) => {
    const routes = [
      route('ccat', 'hub'),
      route('hub', 'us'),
      route('ccat', 'us', { routeType: 'relay', via: 'hub' }),
    ];
    const at = await threeSites(catalogue, routes);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    assert.deepEqual(await deliver(catalogue, 'ccat'), ['hub']);
    assert.equal((await catalogue.packageSummary(packageId)).state, 'transferring');
    assert.deepEqual(await deliver(catalogue, 'hub'), ['us']);
    assert.equal((await catalogue.packageSummary(packageId)).state, 'arrived');
    assert.deepEqual(await deliver(catalogue, 'hub'), []);
  }));

test('a transfer that is left out is planned again later, one that is given up fails its packages', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await threeSites(catalogue, [route('ccat', 'cologne')]);
    const plan = () => catalogue.planDataTransfers({ bufferLocationId: at.buffer.id, ...LIMITS });
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    const [first] = await plan();
    await catalogue.closeTransfer(first!.id, 'left', 'not tonight');
    assert.equal((await catalogue.packageSummary(packageId)).state, 'waiting');
    assert.deepEqual(await plan(), [], 'not at once');
    await dataSource.query(`update data_transfer_item set closed_at = now() - interval '2 hours'`);
    const [again] = await plan();
    assert.notEqual(again!.id, first!.id);
    await catalogue.closeTransfer(again!.id, 'failed', 'the disk is gone');
    const failed = await catalogue.packageSummary(packageId);
    assert.deepEqual([failed.state, failed.reason], ['failed', 'the disk is gone']);
    assert.deepEqual(await plan(), []);
  }));

test('the database refuses routes that make no sense', () =>
  withCatalogue(async ({ catalogue }) => {
    const wrong: Partial<Route>[] = [
      { routeType: 'relay' },
      { via: 'hub' },
      { routeType: 'relay', via: 'cologne' },
      { routeType: 'custom' },
      { originLocation: 'buffer' },
      { maxTransfers: 0 },
    ];
    for (const changes of wrong)
      await assert.rejects(
        threeSites(catalogue, [route('ccat', 'cologne', changes)]),
        JSON.stringify(changes),
      );
  }));
