import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setSetting } from '../../src/client/settings.js';
import type { PlannedLine } from '../../src/client/cli/commands/deletion.js';
import type { Explanation } from '../../src/client/explain/explanation.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import type { DeletionHold, HoldPlaced } from '../../src/core/database/catalogue/holds.js';
import { cleanEnvironment } from '../support/command.js';
import { archive, arrived, entry, observatory, packaged } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { rulesEverywhere } from './support/deletion-fixture.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));
const AUTHOR = { by: 'night shift', note: 'a test' };

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs `cdt` as an operator does. */
function commandFor(url: string): (...words: string[]) => Promise<Ended> {
  const environment = cleanEnvironment({
    CCAT_DATA_TRANSFER_DATABASE_URL: url,
    TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:9',
  });
  return (...words) =>
    new Promise((resolve) => {
      execFile(process.execPath, [CDT, ...words], { env: environment }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
}

test('what an operator sees of deletions, and how they are held and undone', { timeout: 240_000 }, () =>
  withCatalogue(async ({ catalogue, url }) => {
    const cdt = commandFor(url);
    const at = await observatory(catalogue);
    await setSetting(catalogue, 'deletion.required_copies', '1', {}, AUTHOR);
    const entries = ['obs-1/a', 'obs-2/a', 'obs-3/a'].map((path) => entry(path));
    const [archived = '', scheduled = ''] = await packaged(catalogue, at, entries);
    await arrived(catalogue, at);
    await archive(catalogue, at, archived);
    await archive(catalogue, at, scheduled);
    await catalogue.deletions.schedule(scheduled, await rulesEverywhere(catalogue, { graceSeconds: 3600 }));
    const name = (await catalogue.packageSummary(scheduled)).name;

    const [plan, asJson, ofSite, wrong, help] = await Promise.all([
      cdt('deletion', 'plan'),
      cdt('deletion', 'plan', '--json'),
      cdt('deletion', 'plan', '--site', 'cologne', '--json'),
      cdt('deletion', 'plan', '--site', 'colonge'),
      cdt('deletion'),
    ]);
    assert.match(plan.out, /may go: would be scheduled now, and go after \d{4}-/);
    assert.ok(plan.out.includes(`unless \`cdt deletion undo ${name}\``));
    assert.match(plan.out, /kept: its package is arrived, not archived; 0 of 1 required archive copies/);
    assert.match(
      plan.out,
      /6 copies would go, 41\.2 kB: 0 in the next run, 6 when .*; 3 kept\nnothing was written/,
    );
    const lines = JSON.parse(asJson.out) as PlannedLine[];
    assert.equal(lines.length, 9);
    assert.ok(lines.every(({ outcome, reasons }) => (outcome === 'kept') === reasons.length > 0));
    const there = JSON.parse(ofSite.out) as PlannedLine[];
    assert.deepEqual([...new Set(there.map(({ place }) => place))], ['cologne.buffer']);
    assert.deepEqual([wrong.code, wrong.out], [1, '']);
    assert.match(wrong.err, /there is no site colonge\n.*there are: ccat, cologne/);
    assert.equal(help.code, 2);
    assert.deepEqual(await states(catalogue, archived), ['present', 'present'], 'nothing was written');

    const undone = await cdt('deletion', 'undo', name, '--reason', 'a second look', '--json');
    const placed = JSON.parse(undone.out) as HoldPlaced;
    assert.deepEqual([placed.undone, placed.underWay, placed.hold.reason], [3, 0, 'a second look']);
    assert.deepEqual(await states(catalogue, scheduled), ['present', 'present']);

    const held = await cdt('hold', 'obs-1', '--reason', 'under study');
    assert.deepEqual([held.code, held.out], [0, '']);
    assert.match(
      held.err,
      /observation obs-1 is held: under study .*\nno deletion of it was scheduled\nuntil/,
    );
    const [list, plainList, explained, inWords] = await Promise.all([
      cdt('hold', 'list', '--json'),
      cdt('hold', 'list'),
      cdt('explain', archived, '--json'),
      cdt('explain', 'obs-1/a'),
    ]);
    const holds = JSON.parse(list.out) as DeletionHold[];
    assert.deepEqual(holds.map((one) => [one.kind, one.name]).sort(), [
      ['observation', 'obs-1'],
      ['package', name],
    ]);
    assert.match(plainList.out, /^observation obs-1: under study \(by /m);
    const [explanation] = JSON.parse(explained.out) as Explanation[];
    for (const copy of explanation!.copies.filter(({ locationType }) => locationType !== 'long_term_archive'))
      assert.deepEqual(
        copy.deletion.reasons.map(({ code }) => code),
        ['held'],
        copy.location,
      );
    assert.match(inWords.out, /kept: it is held by .*: under study/);

    const [released, ...refused] = await Promise.all([
      cdt('hold', 'release', 'obs-1'),
      cdt('hold', 'release', 'obs-3'),
      cdt('hold', 'nothing', '--reason', 'x'),
      cdt('deletion', 'undo', 'nothing'),
      cdt('hold', 'obs-3'),
      cdt('hold', 'obs-3', '--reason', ' '),
      cdt('hold', 'release'),
    ]);
    assert.match(released.err, /observation obs-1 is held no more/);
    assert.deepEqual(
      refused.map(({ code, out }) => [code, out]),
      [1, 1, 1, 2, 2, 2].map((code) => [code, '']),
    );
    assert.match(refused[0].err, /nothing holds observation obs-3\n.*cdt hold list/);
    assert.match(refused[1].err, /no package and no observation is called nothing/);
    assert.match(refused[3].err, /--reason/);
    const all = JSON.parse((await cdt('hold', 'list', '--all', '--json')).out) as DeletionHold[];
    assert.deepEqual(
      all.map((one) => [one.name, one.releasedAt !== undefined]),
      [
        ['obs-1', true],
        [name, false],
      ],
    );
  }),
);

/** Of the tars in buffers. */
async function states(catalogue: Catalogue, packageId: string): Promise<string[]> {
  return (await catalogue.copiesOfPackage(packageId))
    .filter(({ location }) => location.locationType === 'buffer')
    .map(({ state }) => state);
}

test("an operator's hold and an audit's lie beside each other: the end of one leaves the other", () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const { name } = await catalogue.packageSummary(packageId);
    const copies = await catalogue.copiesOfPackage(packageId);
    const archived = copies.find(({ location }) => location.locationType === 'long_term_archive')!;
    const [other] = copies.filter(({ id }) => id !== archived.id);
    const damaged = async () =>
      assert.ok(
        await catalogue.fixity.recordDamage(archived.id, { kind: 'digest', at: new Date().toISOString() }),
      );
    const { path: key, bytes, sha256 } = archived;
    const repaired = () =>
      catalogue.fixity.recordRepaired(archived.id, other!.id, {
        key,
        bytes,
        sha256,
        verifiedAt: new Date().toISOString(),
      });
    const holders = async () => (await catalogue.deletions.holds()).map(({ placedBy }) => placedBy).sort();

    await damaged();
    const { hold } = await catalogue.deletions.hold(name, 'it is asked for', 'night shift');
    assert.equal(hold.placedBy, 'night shift');
    assert.deepEqual(await holders(), ['audit', 'night shift']);
    await repaired();
    assert.deepEqual(await holders(), ['night shift'], 'the repair ends no hold but its own');

    await damaged();
    const released = await catalogue.deletions.release(name, 'day shift');
    assert.deepEqual(
      [released.placedBy, released.still.map(({ placedBy }) => placedBy)],
      ['night shift', ['audit']],
    );
    await catalogue.deletions.hold('obs-1', 'all of it', 'day shift');
    const last = await catalogue.deletions.release(name, 'day shift');
    assert.deepEqual([last.placedBy, last.still.map(({ kind }) => kind)], ['audit', ['observation']]);
  }));
