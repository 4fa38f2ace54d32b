import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Secret } from '../../src/core/utilities/secret.js';
import { syncSchedules } from '../../src/worker/planner-schedules.js';
import { scheduleStaging } from '../../src/client/staging.js';
import { plannerOf } from '../../src/workflows/planners.js';
import {
  COLOGNE,
  flipByte,
  until,
  US,
  withArchives,
  withWorkers,
  type Lab,
} from './support/damaged-archives.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** `cdt audit`, `cdt store` and `cdt schedules` as an operator types them. */

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));
const timeout = 180_000;

interface Said {
  code: number;
  out: string;
  err: string;
}

async function say(environment: Record<string, string>, ...words: string[]): Promise<Said> {
  try {
    const env = { ...process.env, NO_COLOR: '1', ...environment };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CDT, ...words], { env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

function of(temporal: TemporalLab, lab?: Lab): (...words: string[]) => Promise<Said> {
  const environment = {
    TEMPORAL_NAMESPACE: temporal.client.options.namespace,
    ...(lab === undefined ? {} : { CCAT_DATA_TRANSFER_DATABASE_URL: lab.url }),
  };
  return (...words) => say(environment, ...words);
}

test('cdt audit tells how archives are, reads them, and tells what became of damage', { timeout }, (t) =>
  withArchives(t, 2, (lab) =>
    withTemporal(async (temporal) => {
      const cdt = of(temporal, lab);
      const whole = await cdt('audit', 'status');
      assert.equal(whole.code, 0);
      assert.match(whole.out, /cologne\.lta +│ +2 │/);
      assert.deepEqual(await cdt('audit', 'damage'), { code: 0, out: 'no damage is known\n', err: '' });

      await withWorkers(temporal, lab, async () => {
        const nothing = await cdt('audit', 'run', 'us.lta');
        assert.equal(nothing.code, 0);
        assert.match(nothing.out, /^no copy is due: .* --all reads every copy\n$/);

        // What was not read is no good news.
        lab.reach.secretAccessKey = new Secret('wrong');
        assert.equal((await cdt('audit', 'run', 'cologne.lta', '--all')).code, 1);
        const leftAlone = await cdt('audit', 'run', 'cologne.lta', '--all');
        assert.equal(leftAlone.code, 1);
        assert.match(
          leftAlone.out,
          /^0 copies read .*\nnot all was read .*the store cologne\.lta is left alone/,
        );
        delete lab.reach.secretAccessKey;
        assert.equal((await cdt('breakers', 'reset', 'store/cologne.lta', '--reason', 'right keys')).code, 0);

        const damaged = await lab.copyAt(lab.packageIds[1]!, COLOGNE);
        flipByte(lab.file(damaged), 10);
        const found = await cdt('audit', 'run', 'cologne.lta', '--all', '--json');
        assert.equal(found.code, 1);
        assert.deepEqual(JSON.parse(found.out), { sound: 1, damaged: 1, unanswered: 0, sidecars: 0 });
        assert.match(found.err, /^reading 2 copies, 11\.5 MB, .* Ctrl-C ends the waiting only\n$/);
        await until(async () => (await lab.catalogue.fixity.openRepairs(damaged.location.id)).length === 0);
        const { out, code } = await cdt('audit', 'damage', 'cologne.lta', '--json');
        assert.equal(code, 0);
        const { damages } = JSON.parse(out) as { damages: Record<string, string>[] };
        assert.deepEqual(
          damages.map((one) => [one['kind'], one['repairedFrom'], one['path'], one['repairPath']]),
          [['digest', 'us.lta', damaged.path, damaged.path.replace('.tar', '.r1.tar')]],
        );
        assert.match((await cdt('audit', 'damage')).out, /other bytes .* from us\.lta/);

        // Both copies at once: nothing to repair from, which is told until somebody sees to it.
        for (const place of [COLOGNE, US])
          flipByte(lab.file(await lab.copyAt(lab.packageIds[0]!, place)), 10);
        await cdt('audit', 'run', 'cologne.lta', '--all');
        const again = await cdt('audit', 'run', 'cologne.lta', '--all');
        assert.equal(again.code, 1);
        assert.match(again.out, /1 copy found damaged before and not repaired yet/);
        assert.equal((await cdt('audit', 'damage', '--open')).code, 1);
      });

      const [wrong, nowhere, nothing] = await Promise.all([
        cdt('audit', 'run', 'cologne.buffer'),
        cdt('audit', 'run', 'nowhere'),
        cdt('audit', 'run'),
      ]);
      assert.equal(wrong.code, 1);
      assert.match(wrong.err, /cologne\.buffer is no archive: it is a buffer/);
      assert.match(nowhere.err, /write site\.location/);
      assert.equal(nothing.code, 2);
    }),
  ),
);

test('cdt audit unknown lists what an archive holds and the catalogue does not know', { timeout }, (t) =>
  withArchives(t, 2, (lab) =>
    withTemporal(async (temporal) => {
      const cdt = of(temporal, lab);
      const unknown = (...flags: string[]) => cdt('audit', 'unknown', 'cologne.lta', ...flags);
      await withWorkers(temporal, lab, async () => {
        assert.deepEqual(await unknown('--older-than', '0'), {
          code: 0,
          out: '4 objects, and the catalogue knows each\n',
          err: '',
        });
        // A damaged object stays beside the good one: it is known.
        const damaged = await lab.copyAt(lab.packageIds[1]!, COLOGNE);
        flipByte(lab.file(damaged), 10);
        await cdt('audit', 'run', 'cologne.lta', '--all');
        await until(async () => (await lab.catalogue.fixity.openRepairs(damaged.location.id)).length === 0);
        assert.match((await unknown('--older-than', '0')).out, /^6 objects, and the catalogue knows each\n$/);

        await lab.store(damaged.location).putJson('raw/forgotten.tar.json', { package: 'forgotten' });
        await lab.store(damaged.location).putJson('notes\u009b31m.txt', {});
        const found = await unknown('--older-than', '0');
        assert.equal(found.code, 1);
        assert.match(found.out, /raw\/forgotten\.tar\.json/);
        assert.match(found.out, /2 of 8 objects are not known to the catalogue/);
        assert.ok(!found.out.includes('\u009b31m'), 'names reach no terminal as they are');
        assert.equal((await unknown()).code, 0, 'what was put there just now may not be recorded yet');
        const { named } = JSON.parse((await unknown('--older-than', '0', '--json')).out) as {
          named: { key: string }[];
        };
        assert.deepEqual(named.map(({ key }) => key).sort(), [
          'notes\u009b31m.txt',
          'raw/forgotten.tar.json',
        ]);
      });
      assert.match((await cdt('audit', 'unknown', 'cologne.buffer')).err, /cologne\.buffer is no archive/);
      assert.equal((await cdt('audit', 'unknown', 'cologne.lta', '--older-than', '-1')).code, 2);
    }),
  ),
);

test('cdt store tells what stores can do, and why one can not be asked', { timeout }, (t) =>
  withArchives(t, 0, async (lab) => {
    const environment = { CCAT_DATA_TRANSFER_DATABASE_URL: lab.url };
    const before = await say(environment, 'store', 'list');
    assert.deepEqual(
      [before.code, before.out],
      [0, 'no store was probed yet: that is done when one is first used\n'],
    );
    const probed = await say(environment, 'store', 'probe', 'cologne.lta');
    assert.equal(probed.code, 0, probed.err);
    assert.match(probed.out, /SHA256 +│ checked[^]*it does all that we wish\n$/);
    const listed = await say(environment, 'store', 'list', '--json');
    const [store] = JSON.parse(listed.out) as { location: string; capabilities: { ranges: boolean } }[];
    assert.deepEqual([store?.location, store?.capabilities.ranges], ['cologne.lta', true]);
    assert.match(
      (await say(environment, 'store', 'list')).out,
      /cologne\.lta .* SHA256 .* it does all that we wish/,
    );

    const refused = await say(
      { ...environment, CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY: 'not-the-key' },
      'store',
      'probe',
      'us.lta',
    );
    assert.equal(refused.code, 1);
    assert.match(refused.err, /the S3 store refused our keys/);
    assert.doesNotMatch(refused.err, /not-the-key/);
    assert.match(
      (await say(environment, 'store', 'probe', 'cologne.buffer')).err,
      /cologne\.buffer is no S3 store/,
    );
    assert.equal((await say(environment, 'store', 'probe')).code, 2);
  }),
);

test(
  'cdt schedules lists planners and staging requests, pauses, resumes, triggers and makes up for a period',
  { timeout },
  () =>
    withTemporal(async (temporal) => {
      const planner = plannerOf('audit', COLOGNE)!;
      await syncSchedules(temporal.client, [{ planner, everySeconds: 3600 }]);
      await scheduleStaging(temporal.client, 'nightly', '0 6 * * *', {
        destination: 'cologne.ramses',
        newest: 5,
        requestedBy: 'night shift',
      });
      const cdt = of(temporal);
      const json = async (...words: string[]) => {
        const { code, out, err } = await cdt('schedules', ...words, '--json');
        assert.equal(code, 0, err);
        return JSON.parse(out) as { id: string; paused: boolean; note?: string; everySeconds?: number };
      };
      // A list is eventually what was made.
      await until(async () => /stage\/nightly/.test((await cdt('schedules', 'list')).out));
      const list = await cdt('schedules', 'list');
      assert.match(list.out, /plan\/audit\/cologne\.lta +│ 3600 s/);
      assert.match(list.out, /stage\/nightly +│ by the clock/);

      for (const id of [planner.id, 'stage/nightly']) {
        const { paused, note } = await json('pause', id, '--note', 'the tape robot is open');
        assert.ok(paused);
        assert.match(note ?? '', /^paused by .+: the tape robot is open$/);
        const again = await json('pause', id, '--note', 'still open');
        assert.match(again.note ?? '', /^paused by .+: still open$/);
        assert.equal((await json('resume', id)).paused, false);
        await json('trigger', id);
      }
      await json('backfill', planner.id, '--from', '2026-01-01T00:00Z', '--to', '2026-01-01T05:00Z');

      const long = await cdt(
        'schedules',
        'backfill',
        planner.id,
        '--from',
        '2000-01-01',
        '--to',
        '2026-01-01',
      );
      assert.equal(long.code, 1);
      assert.match(long.err, /more than 1000 times/);
      const backwards = await cdt(
        'schedules',
        'backfill',
        planner.id,
        '--from',
        '2026-01-02',
        '--to',
        '2026-01-01',
      );
      assert.match(backwards.err, /must begin before it ends/);
      const elses = await temporal.client.schedule.create({
        scheduleId: 'somebody-elses',
        spec: { intervals: [{ every: '1 day' }] },
        action: { type: 'startWorkflow', workflowType: 'theirs', taskQueue: 'theirs' },
      });
      for (const verb of ['pause', 'trigger']) {
        const unknown = await cdt('schedules', verb, 'somebody-elses');
        assert.equal(unknown.code, 1);
        assert.match(unknown.err, /^ConfigurationError: there is no schedule somebody-elses\n/);
      }
      const { state, info } = await elses.describe();
      assert.deepEqual([state.paused, info.numActionsTaken], [false, 0], 'it was left alone');
      assert.equal(
        (await cdt('schedules', 'backfill', planner.id, '--from', 'yesterday', '--to', 'now')).code,
        2,
      );
    }),
);
