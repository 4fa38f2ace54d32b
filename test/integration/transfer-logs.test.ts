import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { AttemptLogs } from '../../src/core/attempt-logs.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { BBCPError, DatabaseError } from '../../src/core/exceptions.js';
import { makeLogger } from '../../src/core/logging.js';
import { withScratch } from '../support/scratch.js';
import { entry, observatory, planPackages, resultOf } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

const log = makeLogger({ level: 'error', format: 'text' });

/** A package under way to an archive's site. */
async function underWay(catalogue: Catalogue): Promise<{ dataTransferId: string; packageName: string }> {
  const at = await observatory(catalogue);
  await catalogue.registerEntries(at.source.id, [entry('obs-1/a.fits')], 0);
  const [planned] = await planPackages(catalogue, at);
  await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id));
  const [transfer] = await catalogue.planDataTransfers({
    bufferLocationId: at.buffer.id,
    maxPackages: 10,
    maxBytes: 1e12,
  });
  return { dataTransferId: transfer!.id, packageName: planned!.name };
}

test('each attempt leaves a log at its site, and a row that tells how it went and where the log is', (t) =>
  withScratch(t, (scratch) =>
    withCatalogue(async ({ catalogue }) => {
      const { dataTransferId, packageName } = await underWay(catalogue);
      const logs = new AttemptLogs(join(scratch, 'logs'), 'ccat', catalogue.transferLogs, log);
      const about = {
        of: { dataTransferId },
        name: `data-transfer-${dataTransferId}`,
        fields: { workflowId: 'w' },
      };
      await assert.rejects(
        logs.around({ ...about, attempt: 1 }, ({ note, moved }) => {
          note('connected to input.example.org, password=hunter22');
          moved(1000);
          return Promise.reject(new BBCPError('the line broke, password=hunter22', { subject: packageName }));
        }),
        BBCPError,
      );
      assert.equal(
        await logs.around({ ...about, attempt: 2 }, ({ moved }) => {
          moved(2000);
          return new Promise((resolve) => setTimeout(resolve, 20, 'result'));
        }),
        'result',
      );

      const found = await catalogue.transferLogs.list({ word: packageName, limit: 10 });
      assert.deepEqual(
        found.map((one) => [one.attempt, one.outcome, one.bytesMoved, one.errorClass, one.message]),
        [
          [2, 'completed', 2000, undefined, undefined],
          [1, 'failed', 1000, 'BBCPError', 'the line broke, password=***'],
        ],
      );
      assert.ok(found[0]!.bytesPerSecond! > 0);
      assert.match(found[0]!.name, /, ccat to cologne$/);
      const text = await readFile(found[1]!.path, 'utf8');
      assert.match(text, /attempt 1 begins .*"workflowId":"w"/);
      assert.match(text, /connected to input\.example\.org, password=\*\*\*\n/);
      assert.match(text, /failed, 1000 bytes moved; BBCPError: the line broke/);
      assert.ok(!text.includes('hunter22'));
      assert.deepEqual((await readdir(join(scratch, 'logs'))).length, 2, 'no slip is left');
      assert.deepEqual(await catalogue.transferLogs.list({ word: 'another', limit: 10 }), []);
    }),
  ));

test('what the catalogue was not there for, and what a process that was killed left, is told by the next attempt', (t) =>
  withScratch(t, (scratch) =>
    withCatalogue(async ({ catalogue }) => {
      const { dataTransferId } = await underWay(catalogue);
      let away = true;
      const reached = {
        record: (attempt: Parameters<Catalogue['transferLogs']['record']>[0]) =>
          away ? Promise.reject(new DatabaseError('away')) : catalogue.transferLogs.record(attempt),
      };
      const logs = new AttemptLogs(scratch, 'ccat', reached, makeLogger({ level: 'crit', format: 'text' }));
      const about = { of: { dataTransferId }, name: 'transfer', fields: {} };
      assert.equal(await logs.around({ ...about, attempt: 1 }, () => Promise.resolve('done')), 'done');
      assert.deepEqual(await catalogue.transferLogs.list({ limit: 10 }), []);

      // The slip of an attempt whose process is gone.
      const [slip] = (await readdir(scratch)).filter((name) => name.endsWith('.json'));
      const kept = JSON.parse(await readFile(join(scratch, slip!), 'utf8')) as { record: object };
      const { pid } = spawnSync(process.execPath, ['-e', '']);
      const path = join(scratch, 'killed.log');
      const record = { ...kept.record, id: crypto.randomUUID(), attempt: 7, path, outcome: 'interrupted' };
      await writeFile(path, 'what it said\n');
      await writeFile(
        `${path}.json`,
        JSON.stringify({ record: { ...record, endedAt: undefined }, host: hostname(), pid }),
      );
      // One that still runs is left alone: its own process tells.
      await writeFile(
        join(scratch, 'running.log.json'),
        JSON.stringify({ record: { ...record, id: crypto.randomUUID() }, host: hostname(), pid: 1 }),
      );
      await writeFile(join(scratch, 'torn.log.json'), '{ "rec');

      away = false;
      await logs.around({ ...about, attempt: 2 }, () => Promise.resolve());
      const found = await catalogue.transferLogs.list({ limit: 10 });
      assert.deepEqual(found.map((one) => [one.attempt, one.outcome, one.endedAt === undefined]).sort(), [
        [1, 'completed', false],
        [2, 'completed', false],
        [7, 'interrupted', true],
      ]);
      assert.deepEqual(
        (await readdir(scratch)).filter((name) => name.endsWith('.json')),
        ['running.log.json'],
      );
    }),
  ));

test('a log that can not be kept never fails the work', (t) =>
  withScratch(t, (scratch) =>
    withCatalogue(async ({ catalogue }) => {
      const { dataTransferId } = await underWay(catalogue);
      await writeFile(join(scratch, 'file'), 'in the way');
      const quiet = makeLogger({ level: 'crit', format: 'text' });
      const logs = new AttemptLogs(join(scratch, 'file', 'logs'), 'ccat', catalogue.transferLogs, quiet);
      const about = { of: { dataTransferId }, name: 'x', attempt: 1, fields: {} };
      assert.equal(await logs.around(about, () => Promise.resolve('done')), 'done');
    }),
  ));
