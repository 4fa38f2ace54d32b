import assert from 'node:assert/strict';
import { chmodSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { withScratch } from '../../support/scratch.js';
import { folders, pack } from './support.js';

/** SHA-256 of the package of this source as it was first made. Packages of one source are the same, bit for bit, whatever made them. */
const RECORDED = 'd58f7e2ac0be850e73b4400b0e87e3a38010d7e7d93d7dd5cfd0f73708dc33d6';
const BYTES = 7_061_504;

/** A source with every kind of name, entry and time that the format treats in its own way. */
function makeSource(source: string): void {
  const inside = (name: string | Buffer) => Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name)]);
  let seconds = 1_000_000_000;
  const keep = (path: Buffer) => lutimesSync(path, seconds, (seconds += 1000));
  const file = (name: string | Buffer, size: number, mode = 0o644) => {
    writeFileSync(inside(name), Buffer.alloc(size, size % 251));
    chmodSync(inside(name), mode);
    keep(inside(name));
  };
  for (const folder of [
    'many',
    'd'.repeat(120),
    `${'d'.repeat(120)}/${'e'.repeat(120)}`,
    'empty',
    'e'.repeat(100),
  ])
    mkdirSync(inside(folder));
  for (let n = 0; n < 400; n++) file(`many/frame-${n}`, (n * 37) % 9000);
  for (const length of [60, 80, 85, 86, 87, 88, 89, 90, 99, 100, 101, 140, 155, 200, 255])
    file('n'.repeat(length), length);
  for (const length of [10, 99, 100, 101]) file(`${'d'.repeat(120)}/${'f'.repeat(length)}`, length);
  file(`${'d'.repeat(120)}/${'e'.repeat(120)}/deep`, 3);
  for (const name of [
    'é',
    'per%cent',
    '%41',
    'back\\slash',
    'new\nline',
    'with space',
    Buffer.from([0xff, 0x41, 0xfe]),
  ])
    file(name, 17);
  for (const size of [0, 1, 511, 512, 513, 1_048_064, 1_048_576, 3_000_000]) file(`size ${size}`, size);
  for (const mode of [0o400, 0o4755, 0o777]) file(`mode ${mode}`, 5, mode);
  for (const [at, target] of [
    'nowhere',
    'é',
    't'.repeat(100),
    't'.repeat(101),
    `/${'u/'.repeat(500)}`,
  ].entries()) {
    symlinkSync(target, inside(`link ${at}`));
    keep(inside(`link ${at}`));
  }
  for (const [name, time] of Object.entries({ 'before 1970': -86_400.5, future: 9_000_000_000.25 })) {
    file(name, 9);
    // As a Date: of a negative number the present would be made.
    lutimesSync(inside(name), new Date(time * 1000), new Date(time * 1000));
  }
  for (const folder of ['empty', 'e'.repeat(100)]) {
    chmodSync(inside(folder), 0o755);
    keep(inside(folder));
  }
}

test('a source gives the package that it always gave, bit for bit', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    makeSource(source);
    const bagInfo = { 'Bagging-Date': '2026-11-23', 'Source-Organization': 'ccat' };
    const { bytes, sha256, refused } = await pack(source, destination, { bagInfo });
    assert.deepEqual(refused, []);
    assert.deepEqual({ bytes, sha256 }, { bytes: BYTES, sha256: RECORDED });
  });
});
