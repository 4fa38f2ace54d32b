import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { partialOf, removeAbandoned, removePartials } from '../../../src/core/transport/partial-files.js';
import { partName } from '../../../src/core/transport/send-file.js';
import { PART_KIND } from '../../../src/core/transport/stream/target.js';
import { withScratch } from '../../support/scratch.js';

const SHA256 = '0123456789abcdef'.repeat(4);
const KINDS = ['', '.bbcp', PART_KIND];

test('a partial file of any transport is known, and what it shall become', () => {
  for (const kind of KINDS) assert.equal(partialOf(partName('obs.1.tar', SHA256, kind)), 'obs.1.tar');
  assert.equal(partialOf(`${partName('obs.1.tar', SHA256, PART_KIND)}.pieces`), 'obs.1.tar');
  for (const name of ['obs.1.tar', 'obs.part', 'obs.tar.0123456789ab', 'obs.tar.nothexatall.part', '.part'])
    assert.equal(partialOf(name), undefined, name);
});

test('what is left of files that have arrived goes; files, and what is left of others, stay', (t) =>
  withScratch(t, async (directory) => {
    const left = (name: string) => [
      ...KINDS.map((kind) => partName(name, SHA256, kind)),
      `${partName(name, SHA256, PART_KIND)}.pieces`,
    ];
    const stays = [
      'one.tar',
      'one.tar.result.json',
      'other.tar',
      ...left('another.tar'),
      ...left('none.tar'),
    ];
    for (const name of [...stays, ...left('one.tar'), ...left('other.tar')])
      writeFileSync(join(directory, name), '');
    const removed = await removePartials(directory, ['one.tar', 'other.tar']);
    assert.deepEqual(removed.toSorted(), [...left('one.tar'), ...left('other.tar')].toSorted());
    assert.deepEqual(readdirSync(directory).toSorted(), stays.toSorted());
  }));

test('of parts of files those that nobody writes to any more go', (t) =>
  withScratch(t, async (directory) => {
    // Of packaging that was given up, of a marker and of a result whose writer was killed.
    const others = [
      'made.tar.0123456789ab.part',
      '..cdt-location.json.01234567.part',
      '.a.tar.result.json.89abcdef.part',
    ];
    const foreign = ['.hidden.part', 'a.0123.part', '.0123456.part', 'x.01234567.part'];
    for (const name of [...others, ...foreign]) {
      writeFileSync(join(directory, name), '');
      utimesSync(join(directory, name), 1000, 1000);
    }
    const [old, young] = ['old.tar', 'young.tar'].map((name) => partName(name, SHA256, PART_KIND)) as [
      string,
      string,
    ];
    for (const name of [old, `${old}.pieces`, young, 'old.tar']) {
      writeFileSync(join(directory, name), '');
      if (name !== young) utimesSync(join(directory, name), 1000, 1000);
    }
    const folder = partName('folder.tar', SHA256);
    mkdirSync(join(directory, folder));
    utimesSync(join(directory, folder), 1000, 1000);
    assert.deepEqual(
      (await removeAbandoned(directory, 2_000_000)).toSorted(),
      [...others, old, `${old}.pieces`].toSorted(),
    );
    assert.deepEqual(readdirSync(directory).toSorted(), [...foreign, folder, 'old.tar', young].toSorted());
  }));
