import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  finishObservation,
  listObservations,
  registerFiles,
  startObservation,
} from '../../src/client/observations.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { ConfigurationError, PermanentError } from '../../src/core/exceptions.js';
import { uniqueId } from '../../src/core/utilities/unique-id.js';
import {
  entry,
  observatory,
  packaged,
  planPackages,
  QUIET_SECONDS,
  topology,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { withScratch } from '../support/scratch.js';

const BEGAN = '2026-11-24T20:00:00.000Z';
const ENDED = '2026-11-24T20:30:00.000Z';
const here = { source: 'ccat.chai', folder: 'obs-1' };

test('an execution is the same whatever order its calls come in, and however often', () =>
  withCatalogue(async ({ catalogue }) => {
    const { source } = await observatory(catalogue);
    let number = 0;
    const calls = fc.shuffledSubarray(['start', 'start', 'finish', 'finish', 'files'], { minLength: 5 });
    await fc.assert(
      fc.asyncProperty(calls, async (order) => {
        const [uuid, folder] = [uniqueId(), `obs-${(number += 1)}`];
        const named = { uuid, source: 'ccat.chai', folder };
        for (const call of order) {
          if (call === 'start') await startObservation(catalogue, { ...named, at: BEGAN });
          if (call === 'finish') await finishObservation(catalogue, { ...named, at: ENDED });
          if (call === 'files') await catalogue.registerEntries(source.id, [entry(`${folder}/a`)], 1);
        }
        const found = await catalogue.observations.find(uuid);
        assert.equal(found.length, 1);
        const [{ id, ...one } = { id: '' }] = found;
        const known = { uuid, name: folder, site: 'ccat', location: 'chai', status: 'completed' };
        const counted = { obsUnitId: undefined, waitingFiles: 1, packages: 0, archivedPackages: 0 };
        assert.deepEqual(one, { ...known, ...counted, startedAt: BEGAN, finishedAt: ENDED });
        assert.deepEqual(await catalogue.observations.find(id), found);
      }),
      { numRuns: 15 },
    );
  }));

test('calls for one execution at the same time make one row', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    const uuid = uniqueId();
    const both = () => startObservation(catalogue, { uuid, ...here, at: BEGAN });
    const ids = await Promise.all([1, 2, 3, 4].map(both));
    assert.equal(new Set(ids).size, 1);
    assert.equal(await finishObservation(catalogue, { uuid }), ids[0], 'its UUID alone is enough by now');
    assert.equal((await listObservations(catalogue, { source: 'ccat.chai', status: 'completed' })).length, 1);
  }));

test('what contradicts an earlier call is refused, and changes nothing', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    const uuid = uniqueId();
    await startObservation(catalogue, { uuid, ...here, at: BEGAN });
    await finishObservation(catalogue, { uuid, at: ENDED });
    const before = await catalogue.observations.find(uuid);
    const other = uniqueId();
    for (const call of [
      () => startObservation(catalogue, { uuid, at: ENDED }),
      () => finishObservation(catalogue, { uuid, at: BEGAN }),
      () => finishObservation(catalogue, { uuid, outcome: 'failed' }),
      () => startObservation(catalogue, { uuid: other, ...here }),
      () => startObservation(catalogue, { uuid, ...here, folder: 'obs-2' }),
      () => startObservation(catalogue, { uuid: other }),
      () => startObservation(catalogue, { uuid, obsUnitId: other }),
    ])
      await assert.rejects(call, PermanentError);
    assert.deepEqual(await catalogue.observations.find(uuid), before);
    await startObservation(catalogue, { uuid: other, ...here, folder: 'obs-3', at: ENDED });
    await assert.rejects(finishObservation(catalogue, { uuid: other, at: BEGAN }), /before it began/);
  }));

test('names and times that can be none are refused before the catalogue is asked', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    for (const folder of ['', '.', '..', 'a/b', 'a\0b', 'x'.repeat(256), 'a%2Fb', '%00'])
      await assert.rejects(startObservation(catalogue, { ...here, folder }), PermanentError, folder);
    for (const wrong of [
      { source: 'ccat.buffer' },
      { source: 'ccat' },
      { source: 'ccat.nowhere' },
      { source: undefined },
      { uuid: 'obs-1' },
      { at: 'yesterday' },
      { at: '2026-11-24' },
    ])
      await assert.rejects(startObservation(catalogue, { ...here, ...wrong }), ConfigurationError);
    await assert.rejects(startObservation(catalogue, {}), ConfigurationError);
    await startObservation(catalogue, { ...here, folder: "weird $(touch x) 'name' \n ü" });
  }));

test('files wait for the end of an execution that began, or until nothing new came for long', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await startObservation(catalogue, { ...here, at: BEGAN });
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a'), entry('obs-2/a')], QUIET_SECONDS);
    assert.deepEqual(await planned(catalogue, at), ['obs-2'], 'nobody told of obs-2: its files are still');
    await finishObservation(catalogue, here);
    assert.deepEqual(await planned(catalogue, at), ['obs-1']);

    await startObservation(catalogue, { ...here, folder: 'obs-3' });
    await catalogue.registerEntries(
      at.source.id,
      [entry('obs-3/a'), entry('obs-3/log', { quiet: false })],
      60,
    );
    assert.deepEqual(await planned(catalogue, at), []);
    await dataSource.query(
      `update raw_data_file set seen_at = now() - interval '2 hours' where path = 'obs-3/a'`,
    );
    assert.deepEqual(await planned(catalogue, at), ['obs-3'], 'its instrument tells nothing more');
  }));

test('a finished execution waits for its files that are still being written, and late ones make a further part', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await finishObservation(catalogue, here);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a'), entry('obs-1/b', { quiet: false })], 60);
    assert.deepEqual(await planPackages(catalogue, at), []);
    await packaged(catalogue, at, [entry('obs-1/b')]);
    const [late] = await packaged(catalogue, at, [entry('obs-1/0-late')]);
    const { part, executedObsUnit } = await catalogue.packageSummary(late ?? '');
    assert.deepEqual({ part, executedObsUnit }, { part: 2, executedObsUnit: 'obs-1' });
  }));

test('the parts of an observation are the same whatever order its files came in', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const sizes = [300, 900, 10, 2500, 400, 400, 999, 1, 1000, 700];
    const names = sizes.map((_, index) => `f${index}`);
    const partsOf = async (unit: string) => {
      const made = (await catalogue.packagesOfSource(at.source.id)).filter(
        (one) => one.executedObsUnit === unit,
      );
      const orders = await Promise.all(made.map(({ id }) => catalogue.packageOrder(id)));
      return orders
        .sort((a, b) => a.package.part - b.package.part)
        .map(({ entries }) => entries.map(({ path }) => path.slice(unit.length + 1)));
    };
    let number = 0;
    const arrivals = fc.tuple(
      fc.shuffledSubarray(names, { minLength: names.length }),
      fc.integer({ min: 1, max: names.length }),
    );
    await fc.assert(
      fc.asyncProperty(arrivals, async ([order, batch]) => {
        const unit = `unit-${(number += 1)}`;
        for (let from = 0; from < order.length; from += batch) {
          const arriving = order.slice(from, from + batch);
          const entries = arriving.map((name) =>
            entry(`${unit}/${name}`, { size: sizes[names.indexOf(name)]! }),
          );
          await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
        }
        await planPackages(catalogue, at, { maxBytes: 1000 });
        assert.deepEqual(await partsOf(unit), [
          ['f0'],
          ['f1', 'f2'],
          ['f3'],
          ['f4', 'f5'],
          ['f6', 'f7'],
          ['f8'],
          ['f9'],
        ]);
      }),
      { numRuns: 12 },
    );
  }));

test('a bundle that could hold more waits until its oldest package is old', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-2/a'), entry('obs-3/a')]);
    const plan = () =>
      catalogue.planDataTransfers({
        bufferLocationId: at.buffer.id,
        maxPackages: 2,
        maxBytes: 1e12,
        maxAgeSeconds: 3600,
      });
    const counts = async () => (await plan()).map(({ packageCount }) => packageCount);
    assert.deepEqual(await counts(), [2], 'the full one goes');
    assert.deepEqual(await counts(), [2]);
    await dataSource.query(
      `update raw_data_package set packaged_at = now() - interval '2 hours' where state = 'waiting'`,
    );
    assert.deepEqual(await counts(), [2, 1]);
  }));

test('files that an instrument tells of are known before any scan, and what is none is refused', (t) =>
  withScratch(t, (root) =>
    withCatalogue(async ({ catalogue }) => {
      mkdirSync(join(root, 'obs-1'));
      const name = "obs-1/a $(b) 'c'\n.fits";
      writeFileSync(join(root, name), 'SIMPLE');
      symlinkSync('/etc/passwd', join(root, 'obs-1', 'link'));
      const { sites, locations } = topology();
      const placed = locations.map((one) => (one.locationType === 'source' ? { ...one, path: root } : one));
      await catalogue.ensureTopology({ sites, locations: placed, routes: [] });
      const options = { quietSeconds: 60, now: Date.now() };
      const register = (...paths: string[]) =>
        registerFiles(
          catalogue,
          'ccat.chai',
          paths.map((path) => Buffer.from(path)),
          options,
        );
      assert.deepEqual(await register(name), { fresh: 1, changed: 0 });
      assert.deepEqual(await register(name), { fresh: 0, changed: 0 });
      assert.equal((await catalogue.observations.find('obs-1'))[0]?.waitingFiles, 1);
      for (const wrong of [
        'obs-1',
        'obs-1/link',
        'obs-1/missing',
        '../x/y',
        '/etc/passwd',
        'obs-1/../obs-1/a',
        'a//b',
      ])
        await assert.rejects(register(wrong), PermanentError, wrong);
    }),
  ));

async function planned(catalogue: Catalogue, at: Parameters<typeof planPackages>[1]): Promise<string[]> {
  return (await planPackages(catalogue, at)).filter(({ fresh }) => fresh).map((one) => one.executedObsUnit);
}
