import assert from 'node:assert/strict';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location, Route } from '../../../src/core/database/records.js';
import { ConfigurationError, DatabaseError, StorageError } from '../../../src/core/exceptions.js';
import { makeLogger } from '../../../src/core/logging.js';
import { Arrivals } from '../../../src/worker/stream/arrivals.js';
import { withScratch } from '../../support/scratch.js';

/** A catalogue of cologne that can go away. */
function catalogueOf(path: string) {
  const buffer: Location = {
    id: '7b0c',
    site: 'cologne',
    name: 'buffer',
    locationType: 'buffer',
    storageType: 'disk',
    priority: 0,
    active: true,
    path,
    deletable: true,
  };
  const route: Route = {
    id: 'r',
    name: 'r',
    origin: 'ccat',
    destination: 'cologne',
    routeType: 'direct',
    transport: 'stream',
    priority: 0,
    active: true,
    options: { host: 'h' },
  };
  const state = { away: false, reads: 0, routes: [route], marked: false };
  const answer = <T>(value: T) => {
    state.reads += 1;
    return state.away ? Promise.reject(new DatabaseError('it is away')) : Promise.resolve(value);
  };
  const catalogue = {
    locations: () =>
      answer([
        buffer,
        { ...buffer, name: 'lta', locationType: 'long_term_archive' as const },
        { ...buffer, name: 'cloud', storageType: 's3' as const },
      ]),
    routes: () => answer(state.routes),
    marks: {
      of: () => answer({ copies: [], markedAt: state.marked ? '2026-01-01T00:00:00Z' : undefined }),
      record: () => answer(undefined).then(() => void (state.marked = true)),
    },
  } as unknown as Pick<Catalogue, 'locations' | 'routes' | 'marks'>;
  return { catalogue, state };
}

const log = makeLogger({ level: 'crit', format: 'json' });
const ours = { location: 'cologne.buffer', from: 'ccat' };

test('a site may send into a buffer that a stream route of its own leads to, and nowhere else', (t) =>
  withScratch(t, async (path) => {
    const { catalogue, state } = catalogueOf(path);
    let now = 0;
    const arrivals = new Arrivals('cologne', catalogue, log, () => now);
    assert.equal(await arrivals.directoryOf(ours), path);
    const { reads } = state;
    for (let file = 0; file < 100; file += 1) await arrivals.directoryOf(ours);
    assert.equal(state.reads, reads, 'the catalogue is not asked for each file');
    now = 60_000;
    await arrivals.directoryOf(ours);
    assert.ok(state.reads > reads);
    assert.ok((await readdir(path)).includes('.cdt-location.json'), 'marked at the first use');
    for (const [asked, words] of [
      [{ ...ours, from: 'us' }, /no route of transport stream leads from us/],
      [{ ...ours, location: 'cologne.other' }, /no buffer cologne\.other/],
      [{ ...ours, location: 'cologne.lta' }, /no buffer/],
      [{ ...ours, location: 'cologne.cloud' }, /is not on a disk/],
      [{ ...ours, location: 'us.buffer' }, /cologne has no buffer us\.buffer/],
      [{ ...ours, location: '../etc' }, /no buffer/],
    ] as const)
      await assert.rejects(
        arrivals.directoryOf(asked),
        (error: Error) => error instanceof ConfigurationError && words.test(error.message),
        asked.location,
      );
    state.routes = [];
    await arrivals.refresh();
    await assert.rejects(arrivals.directoryOf(ours), ConfigurationError);
  }));

test('a route that was added a moment ago is known at once', (t) =>
  withScratch(t, async (path) => {
    const { catalogue, state } = catalogueOf(path);
    const arrivals = new Arrivals('cologne', catalogue, log);
    const { routes } = state;
    state.routes = [];
    await arrivals.refresh();
    state.routes = routes;
    assert.equal(await arrivals.directoryOf(ours), path);
  }));

test('while the catalogue is away what it said last holds; a disk that is not there is refused all the same', (t) =>
  withScratch(t, async (scratch) => {
    const path = join(scratch, 'buffer');
    await mkdir(path);
    const { catalogue, state } = catalogueOf(path);
    state.away = true;
    let now = 0;
    const arrivals = new Arrivals('cologne', catalogue, log, () => now);
    await assert.rejects(arrivals.directoryOf(ours), DatabaseError);
    state.away = false;
    assert.equal(await arrivals.directoryOf(ours), path);
    state.away = true;
    now = 60_000;
    assert.equal(await arrivals.directoryOf(ours), path);
    await assert.rejects(arrivals.directoryOf({ ...ours, from: 'us' }), DatabaseError);
    await rename(path, join(scratch, 'unmounted'));
    await mkdir(path);
    await assert.rejects(arrivals.directoryOf(ours), StorageError);
    state.away = false;
    await assert.rejects(arrivals.directoryOf(ours), StorageError);
    assert.deepEqual(await readdir(path), [], 'nothing is written into what lies under the mount');
  }));
