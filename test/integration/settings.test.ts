import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runPlanner } from '../../src/client/planners.js';
import { describeSettings, setSetting, unsetSetting } from '../../src/client/settings.js';
import { Catalogue } from '../../src/core/database/catalogue.js';
import { openDataSource } from '../../src/core/database/data-source.js';
import { ConfigurationError } from '../../src/core/exceptions.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { withCleanup } from '../support/cleanup.js';
import { cleanEnvironment } from '../support/command.js';
import { countedLink } from '../support/link.js';
import { withScratch } from '../support/scratch.js';
import { eventually } from '../support/sites.js';
import { observatory, topology } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));
const AUTHOR = { by: 'night shift', note: 'a test' };

test('thresholds of a disk that would contradict each other are refused, wherever they hold', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    const place = { site: 'ccat', location: 'buffer' };
    await setSetting(catalogue, 'monitoring.high_percent', 85, place, AUTHOR);
    await assert.rejects(
      setSetting(catalogue, 'monitoring.warn_percent', '88%', {}, AUTHOR),
      /monitoring.warn_percent \(88 %\) would be above monitoring.high_percent \(85 %\) for ccat.buffer/,
    );
    assert.deepEqual(
      (await catalogue.settings.stored()).map(({ value }) => value),
      [85],
      'nothing of it was kept',
    );
    await setSetting(catalogue, 'monitoring.warn_percent', '88%', { site: 'cologne' }, AUTHOR);
    await setSetting(catalogue, 'monitoring.critical_percent', 86, place, AUTHOR);
    await unsetSetting(catalogue, 'monitoring.critical_percent', place, AUTHOR);
    await setSetting(catalogue, 'monitoring.high_percent', 98, place, AUTHOR).then(
      () => assert.fail('the default of critical is 95 %'),
      (error: unknown) => assert.ok(error instanceof ConfigurationError),
    );
  }));

test('a value holds at its place and below, is taken away again, and every change is in the history and the audit log', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    const NAME = 'packaging.max_bytes';
    const at = async (place: { site?: string; location?: string }) => {
      const found = (await describeSettings(catalogue, place)).find(({ name }) => name === NAME);
      return [found?.value, found?.from];
    };
    assert.equal((await setSetting(catalogue, NAME, '40GB', {}, AUTHOR))?.newValue, 40e9);
    await setSetting(catalogue, NAME, '30 GB', { site: 'ccat' }, AUTHOR);
    await setSetting(catalogue, NAME, 20e9, { site: 'ccat', location: 'chai' }, { by: 'day shift' });
    assert.deepEqual(await at({}), [40e9, 'global']);
    assert.deepEqual(await at({ site: 'cologne', location: 'buffer' }), [40e9, 'global']);
    assert.deepEqual(await at({ site: 'ccat', location: 'buffer' }), [30e9, 'site']);
    assert.deepEqual(await at({ site: 'ccat', location: 'chai' }), [20e9, 'location']);

    assert.equal(await setSetting(catalogue, NAME, '40000 MB', {}, AUTHOR), undefined, 'it is so already');
    assert.equal((await unsetSetting(catalogue, NAME, { site: 'ccat' }, AUTHOR))?.oldValue, 30e9);
    assert.equal(await unsetSetting(catalogue, NAME, { site: 'ccat' }, AUTHOR), undefined);
    assert.deepEqual(await at({ site: 'ccat', location: 'buffer' }), [40e9, 'global']);

    const history = await catalogue.settings.history(NAME);
    assert.deepEqual(
      history.map(({ site, location, oldValue, newValue, by, note }) => [
        site,
        location,
        oldValue,
        newValue,
        by,
        note,
      ]),
      [
        ['ccat', undefined, 30e9, null, 'night shift', 'a test'],
        ['ccat', 'chai', null, 20e9, 'day shift', undefined],
        ['ccat', undefined, null, 30e9, 'night shift', 'a test'],
        [undefined, undefined, null, 40e9, 'night shift', 'a test'],
      ],
    );
    const entries = await dataSource.query<{ facts: { name: string } }[]>(
      `select facts from audit_entry where action = 'setting_changed'`,
    );
    assert.equal(entries.filter(({ facts }) => facts.name === NAME).length, history.length);
    await assert.rejects(dataSource.query('delete from setting_change'), /never changed/);
    await assert.rejects(
      dataSource.query(
        `insert into setting (id, name, value, changed_by) values (gen_random_uuid(), '${NAME}', '1', 'x')`,
      ),
      /one_value_for_each_place/,
    );
  }));

test('what is wrong is refused with the reason, and changes nothing', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    const refused = (reason: RegExp, advice: RegExp, work: () => Promise<unknown>) =>
      assert.rejects(work, (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.match(error.message, reason);
        assert.match(error.advice ?? '', advice);
        return true;
      });
    const set = (name: string, value: string, place = {}) =>
      setSetting(catalogue, name, value, place, AUTHOR);
    await refused(/no setting packaging.max_byte$/, /mean packaging.max_bytes\?/, () =>
      set('packaging.max_byte', '1GB'),
    );
    await refused(/no setting x/, /cdt settings list/, () => set('x', '1'));
    await refused(/"6TB" is not a size from 1 B to 5 TB/, /^$/, () => set('packaging.max_bytes', '6TB'));
    await refused(/"two" is not a whole number/, /^$/, () => set('deletion.required_copies', 'two'));
    await refused(/no site nowhere/, /cdt topology show/, () =>
      set('packaging.max_bytes', '1GB', { site: 'nowhere' }),
    );
    await refused(/no location ccat.lta/, /cdt topology show/, () =>
      set('packaging.max_bytes', '1GB', { site: 'ccat', location: 'lta' }),
    );
    assert.deepEqual(await catalogue.settings.stored(), []);
    assert.deepEqual(await catalogue.settings.history(), []);
  }));

test('of many who set at once each replaces the value of the one before', () =>
  withCatalogue(async ({ catalogue, url }) => {
    await observatory(catalogue);
    const second = await openDataSource(url);
    try {
      const catalogues = [catalogue, new Catalogue(second)];
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          setSetting(catalogues[index % 2]!, 'packaging.max_files', 1 + (index % 7), {}, AUTHOR),
        ),
      );
      const history = (await catalogue.settings.history()).reverse();
      let before: unknown = null;
      for (const change of history) {
        assert.equal(change.oldValue, before);
        before = change.newValue;
      }
      assert.deepEqual(
        (await catalogue.settings.stored()).map(({ value }) => value),
        [before],
      );
    } finally {
      await second.destroy();
    }
  }));

test('while the catalogue can not be reached the last values hold, and new ones when it is back', () =>
  withCatalogue(async ({ catalogue, url }) =>
    withCleanup(async (cleanup) => {
      await observatory(catalogue);
      const link = await countedLink(cleanup, Number(new URL(url).port));
      const throughLink = new URL(url);
      throughLink.port = String(link.port);
      const far = await openDataSource(throughLink.href);
      cleanup.after(() => far.destroy());
      const settings = new SettingsManager(new Catalogue(far).settings);
      const value = () => settings.get('packaging.max_files', { site: 'ccat' });
      await setSetting(catalogue, 'packaging.max_files', 5, { site: 'ccat' }, AUTHOR);
      assert.equal(await value(), 5);

      link.cut();
      await setSetting(catalogue, 'packaging.max_files', 6, { site: 'ccat' }, AUTHOR);
      // Long enough that what was read is too old, so that it is really asked for in vain.
      const until = Date.now() + 4500;
      while (Date.now() < until) {
        assert.equal(await value(), 5);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      link.mend();
      await eventually('the new value holds', value, (found) => found === 6, 60);
    }),
  ));

test('a running worker goes by a change without a restart', { timeout: 240_000 }, (t) =>
  withScratch(t, (scratch) =>
    withCatalogue(({ catalogue, url }) =>
      withTemporal((lab) =>
        withCleanup(async (cleanup) => {
          const described = topology();
          for (const one of described.locations.filter(({ storageType }) => storageType === 'disk')) {
            one.path = join(scratch, one.site, one.name);
            mkdirSync(one.path, { recursive: true });
          }
          await catalogue.ensureTopology(described);
          const source = await catalogue.location('ccat', 'chai');
          const folder = join(scratch, 'ccat', 'chai', 'obs-1');
          mkdirSync(folder);
          for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(folder, name), name);
          // Nothing is quiet, until an operator says so.
          await setSetting(catalogue, 'packaging.quiet_seconds', '7d', {}, AUTHOR);

          const environment = cleanEnvironment({
            TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'] ?? '',
            TEMPORAL_NAMESPACE: lab.client.options.namespace,
            CCAT_DATA_TRANSFER_DATABASE_URL: url,
          });
          const worker = spawn(process.execPath, [CDT, 'worker', '--site', 'ccat', '--workflows'], {
            env: environment,
            stdio: ['ignore', 'ignore', 'pipe'],
          });
          let log = '';
          worker.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
          cleanup.after(async () => {
            if (worker.exitCode !== null || worker.signalCode !== null) return;
            const ended = once(worker, 'exit');
            worker.kill('SIGKILL');
            await ended;
          });
          const look = async () => {
            assert.equal(worker.exitCode, null, log);
            return runPlanner(lab.client, 'raw_data_package_creation', source);
          };
          const first = await look();
          assert.equal(first.scan?.unquiet, 4);
          assert.equal(first.planned, 0);

          const cdt = (...words: string[]) =>
            new Promise<string>((resolve, reject) => {
              execFile(
                process.execPath,
                [CDT, 'settings', ...words],
                { env: environment },
                (error, out, err) => {
                  if (error === null) resolve(out);
                  else reject(new Error(`${String(error.code)}: ${err}`));
                },
              );
            });
          const place = ['--site', 'ccat', '--location', 'chai'];
          assert.match(await cdt('set', 'packaging.max_files', '2', ...place), /is 2 files at ccat.chai/);
          assert.equal(
            await cdt('set', 'packaging.quiet_seconds', '0', ...place, '--note', 'the run is over'),
            'packaging.quiet_seconds is 0 s at ccat.chai (was not set)\n',
          );
          await eventually(
            'all is packaged',
            async () => {
              await look();
              return catalogue.packagesOfSource(source.id);
            },
            (packages) => packages.length === 2 && packages.every(({ state }) => state !== 'creating'),
            120,
          );
          assert.match(await cdt('list', ...place), /packaging.quiet_seconds\D+0 s\D+location/);
          assert.match(await cdt('show', 'packaging.quiet_seconds'), /7 d|604800 s/);
          assert.match(await cdt('history', 'packaging.quiet_seconds'), /\w+@\S+ {2}.*the run is over/);
          await assert.rejects(
            cdt('set', 'packaging.quiet_second', '0'),
            /1: .*mean packaging.quiet_seconds/s,
          );
          await assert.rejects(
            cdt('set', 'packaging.quiet_seconds', '0', '--location', 'chai'),
            /needs --site/,
          );
          assert.equal(worker.exitCode, null);
        }),
      ),
    ),
  ),
);
