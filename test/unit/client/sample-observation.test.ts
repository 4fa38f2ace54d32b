import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeSampleObservation } from '../../../src/client/sample-observation.js';
import { sumWords } from '../../../src/client/sample-fits.js';
import { withScratch } from '../../support/scratch.js';
import { countFiles, differences, fingerprint, readTree } from '../../support/tree.js';
import { scan } from '../package/support.js';

const BLOCK = 2880;
const SMALL = { files: 40, bytes: 4e6, seed: 5 };

/** Keyword and value of each card up to END, and the bytes of the header. */
function readHeader(file: Buffer): { cards: Map<string, string>; bytes: number } {
  const cards = new Map<string, string>();
  for (let at = 0; ; at += 80) {
    const card = file.toString('latin1', at, at + 80);
    assert.match(card, /^(?:[A-Z0-9_-]{1,8} *= [\x20-\x7e]{70}|END {77})$/);
    if (card.startsWith('END')) {
      const bytes = Math.ceil((at + 80) / BLOCK) * BLOCK;
      assert.equal(file.toString('latin1', at + 80, bytes).trim(), '');
      return { cards, bytes };
    }
    const value = /^(?:'((?:[^']|'')*)'|\s*([^/ ]+))/.exec(card.slice(10));
    cards.set(card.slice(0, 8).trimEnd(), (value?.[1] ?? value?.[2] ?? '').trimEnd());
  }
}

test('the sample is valid FITS whose checksums hold, and the logs that belong to it', async (t) => {
  await withScratch(t, async (directory) => {
    await writeSampleObservation(directory, SMALL);
    const instruments = new Set<string>();
    for (const path of readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.fits'),
    )) {
      const file = readFileSync(join(directory, path));
      const { cards, bytes } = readHeader(file);
      const value = (keyword: string): string =>
        cards.get(keyword) ?? assert.fail(`${path} has no ${keyword}`);
      assert.deepEqual([...cards.keys()].slice(0, 5), ['SIMPLE', 'BITPIX', 'NAXIS', 'NAXIS1', 'NAXIS2']);
      const data =
        (Math.abs(Number(value('BITPIX'))) / 8) * Number(value('NAXIS1')) * Number(value('NAXIS2'));
      assert.equal(file.length, bytes + Math.ceil(data / BLOCK) * BLOCK);
      assert.equal(value('DATASUM'), sumWords(file.subarray(bytes)).toString());
      assert.equal(sumWords(file), 0xffffffff, `${path}: its checksum`);
      assert.match(value('CHECKSUM'), /^[0-9A-Za-z]{16}$/);
      assert.equal(value('TELESCOP'), 'FYST');
      assert.ok(Date.parse(`${value('DATE-OBS')}Z`) > Date.UTC(2026, 10, 23));
      for (const keyword of ['OBJECT', 'EXPTIME', 'RA', 'DEC']) assert.notEqual(value(keyword), '');
      instruments.add(value('INSTRUME'));
    }
    assert.deepEqual([...instruments].sort(), ['CHAI', 'Prime-Cam']);
  });
});

test('the sample has the size asked for, and the units and modules that packaging tells apart', async (t) => {
  await withScratch(t, async (directory) => {
    const { files, bytes } = await writeSampleObservation(directory, SMALL);
    assert.deepEqual(countFiles(readTree(directory)), { files, bytes });
    assert.equal(files, SMALL.files);
    assert.ok(Math.abs(bytes / SMALL.bytes - 1) < 0.15, `${bytes} bytes`);
    const { entries, refused } = await scan(directory);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      [
        ...new Set(
          entries.map(({ executedObsUnit, instrumentModule }) => `${executedObsUnit} ${instrumentModule}`),
        ),
      ].sort(),
      [
        '2026-11-23T01-30-12_Pointing_Mars CHAI',
        '2026-11-23T01-30-12_Pointing_Mars Prime-Cam',
        '2026-11-23T02-14-07_CHAI_Orion-KL CHAI',
        '2026-11-23T03-52-51_CHAI_IRC+10216 CHAI',
        '2026-11-23T05-20-33_Prime-Cam_COSMOS Prime-Cam',
        '2026-11-23T07-11-18_Prime-Cam_E-CDFS Prime-Cam',
      ],
    );
  });
});

test('the same seed gives the same files; what is complete is left alone, what is not is written again', async (t) => {
  await withScratch(t, async (directory) => {
    const [one, other] = [join(directory, 'one'), join(directory, 'other')];
    await writeSampleObservation(one, SMALL);
    await writeSampleObservation(other, SMALL);
    const withoutTimes = (root: string) =>
      new Map([...readTree(root)].map(([path, entry]) => [path, { ...entry, mtimeSeconds: 0 }]));
    assert.deepEqual(differences(withoutTimes(one), withoutTimes(other)), []);

    const before = fingerprint(one);
    await writeSampleObservation(one, SMALL);
    assert.deepEqual(fingerprint(one), before);

    const [first, second] = [...readTree(one)]
      .filter(([, entry]) => entry.kind === 'file')
      .map(([path]) => join(one, path));
    truncateSync(first!, statSync(first!).size - 1);
    appendFileSync(second!, 'x');
    await writeSampleObservation(one, SMALL);
    assert.deepEqual(differences(withoutTimes(one), withoutTimes(other)), []);

    await writeSampleObservation(join(directory, 'third'), { ...SMALL, seed: 6 });
    assert.notDeepEqual(withoutTimes(join(directory, 'third')), withoutTimes(one));
  });
});
