import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScheduleNotFoundError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { explain } from '../../src/client/explain/explain.js';
import type { Explanation } from '../../src/client/explain/explanation.js';
import { planned } from '../../src/client/explain/planner.js';
import { finishObservation, startObservation } from '../../src/client/observations.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import {
  archive,
  arrived,
  entry,
  observatory,
  packaged,
  planPackages,
  QUIET_SECONDS,
  topology,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

const BEGAN = '2026-11-24T20:00:00.000Z';

test('a file tells that it waits for the end of its observation, since when and until when, also without Temporal', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const settings = new SettingsManager(catalogue.settings, { 'packaging.execution_quiet_seconds': 3600 });
    const sources = {
      catalogue,
      settings,
      temporal: { unreachable: 'NetworkError: it is away' },
      whyKeep: () => Promise.resolve([]),
    };
    const explained = async (path: string): Promise<Explanation> => {
      const [found] = await explain(sources, path);
      assert.ok(found !== undefined);
      return found;
    };
    const named = { source: 'ccat.chai', folder: 'obs-1' };
    await startObservation(catalogue, { ...named, at: BEGAN });
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
    const [{ seen }] = await dataSource.query<[{ seen: Date }]>('select seen_at as seen from raw_data_file');

    const waits = await explained('obs-1/a');
    assert.match(waits.waiting.words, /observation was begun and is not finished/);
    assert.equal(waits.waiting.since, BEGAN);
    assert.match(waits.waiting.advice ?? '', /cdt observation finish/);
    assert.equal(waits.next?.at, new Date(seen.getTime() + 3_600_000).toISOString());
    assert.equal((await planPackages(catalogue, at)).length, 0, 'and so it is');

    await finishObservation(catalogue, { ...named, outcome: 'completed' });
    await catalogue.registerEntries(at.source.id, [entry('obs-1/b', { quiet: false })], QUIET_SECONDS);
    const ofObservation = await explain(sources, 'obs-1');
    assert.deepEqual(
      ofObservation.map(({ kind, name }) => [kind, name]),
      [
        ['file', 'obs-1/a'],
        ['file', 'obs-1/b'],
      ],
    );
    const others = await explained('obs-1/a');
    assert.match(others.waiting.words, /1 file of its observation may still be written/);
    assert.ok(Date.parse(others.next?.at ?? '') > Date.now());
    assert.equal((await planPackages(catalogue, at)).length, 0, 'and so it is');

    await dataSource.query(`update raw_data_file set seen_at = now() - interval '1 day'`);
    assert.equal((await explained('obs-1/a')).waiting.for, 'unknown', 'it waits for its turn alone');
    assert.equal((await planPackages(catalogue, at)).length, 1);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/late')], QUIET_SECONDS);
    const { packageIds, files } = await catalogue.explain.findSubjects('obs-1');
    assert.deepEqual([packageIds.length, files.map(({ path }) => path)], [1, ['obs-1/late']]);
  }));

test('where a location is switched off that is told, and since when', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    assert.equal(await catalogue.explain.switchedOff('ccat', 'buffer'), undefined);
    const off = topology();
    const locations = off.locations.map((one) =>
      one.site === 'ccat' && one.name === 'buffer' ? { ...one, active: false } : one,
    );
    const before = await catalogue.deletions.now();
    await catalogue.ensureTopology({ ...off, locations });
    const since = (await catalogue.explain.switchedOff('ccat', 'buffer'))?.since;
    assert.ok(since !== undefined && Date.parse(since) >= before.getTime());
    // Described anew while it is off, it is off since the first time.
    await catalogue.ensureTopology({
      ...off,
      locations: locations.map((one) => ({ ...one, priority: one.priority + 1 })),
    });
    assert.equal((await catalogue.explain.switchedOff('ccat', 'buffer'))?.since, since);

    await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
    const client = {} as never;
    const { waiting } = await planned(
      { catalogue },
      client,
      'data_transfer_package_creation',
      { site: 'ccat', location: 'buffer' },
      'sends what waits',
    );
    assert.match(waiting.words, /ccat\.buffer is switched off: nothing new is begun there/);
    assert.deepEqual([waiting.since, waiting.for], [since, 'paused planner']);
    await observatory(catalogue);
    assert.equal(await catalogue.explain.switchedOff('ccat', 'buffer'), undefined);
  }));

/** Temporal, which knows of nothing any more. */
const FORGETFUL = {
  workflow: {
    getHandle: (id: string) => ({
      describe: () => Promise.reject(new WorkflowNotFoundError('it is gone', id, undefined)),
    }),
  },
  schedule: {
    getHandle: (id: string) => ({
      describe: () => Promise.reject(new ScheduleNotFoundError('it is gone', id)),
    }),
  },
} as unknown as Client;

test('what is archived and lies elsewhere only where nothing is deleted waits for nothing', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const sources = {
      catalogue,
      settings: new SettingsManager(catalogue.settings),
      temporal: { client: FORGETFUL },
      whyKeep: () => Promise.resolve([{ code: 'not_deletable' as const, words: 'it is not to be deleted' }]),
    };
    const [before] = await explain(sources, packageId);
    assert.notEqual(before?.waiting.for, 'nothing', 'something of it may be freed');

    const { locations, ...rest } = topology();
    await catalogue.ensureTopology({
      ...rest,
      locations: locations.map((one) => ({ ...one, deletable: false })),
    });
    const [after] = await explain(sources, packageId);
    assert.equal(after?.waiting.for, 'nothing');
    assert.match(after.waiting.words, /^it is archived; what lies at ccat\.chai and .* stays there/);
    for (const copy of after.copies.filter(({ locationType }) => locationType !== 'long_term_archive'))
      assert.equal(copy.next, undefined, copy.location);

    // A place where it was staged is emptied by itself, and no planner of deletions looks at it.
    await dataSource.query(
      `update data_location set location_type = 'processing', deletable = true where id = $1`,
      [at.arrival.id],
    );
    const [staged] = await explain(sources, packageId);
    assert.match(
      staged?.waiting.words ?? '',
      /^it is archived; what lies at ccat\.chai and ccat\.buffer stays there/,
    );
  }));
