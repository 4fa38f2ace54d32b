import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeFirst,
  encodeRecord,
  Journal,
  readJournal,
  type JournalOf,
} from '../../../../src/core/transport/stream/journal.js';
import {
  current,
  decodePieces,
  encodePieces,
  type Piece,
} from '../../../../src/core/transport/stream/pieces.js';
import { withScratch } from '../../../support/scratch.js';

const sha256 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const plain = { noNullPrototype: true };
const piece = fc.record(
  {
    offset: fc.integer({ min: 0, max: 2 ** 40 }),
    length: fc.integer({ min: 1, max: 2 ** 23 }),
    sha256,
  },
  plain,
);
const pieces = fc.array(piece, { maxLength: 20 });
const about = fc.record(
  {
    bytes: fc.integer({ min: 0, max: 2 ** 50 }),
    sha256,
    inode: fc.bigInt(0n, 2n ** 63n),
  },
  plain,
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

test('a journal that a kill left at any byte, with anything behind it, lists the pieces that were noted first and no others', () =>
  fc.assert(
    fc.property(about, pieces, share, fc.uint8Array({ maxLength: 200 }), (of, noted, cut, rest) => {
      const first = encodeFirst(of);
      const content = Buffer.concat([first, ...noted.map((one) => encodeRecord(one, first))]);
      const end = Math.floor(cut * content.length);
      // Where a file grew and its bytes did not come to disk, there are zeros, or what lay there before.
      const left = Buffer.concat([content.subarray(0, end), rest]);
      const found = readJournal(left, first);
      assert.ok(found.pieces.length >= Math.floor(end / 64) - 1, `${found.pieces.length} of ${end} bytes`);
      // The rest may, by chance, be what was to follow.
      assert.deepEqual(found.pieces, noted.slice(0, found.pieces.length));
      assert.ok(found.validBytes <= left.length && found.validBytes % 64 === 0);
    }),
    { numRuns: 300 },
  ));

test('a byte that changed ends what is believed of a journal, at that record', () =>
  fc.assert(
    fc.property(about, pieces, fc.nat(), fc.integer({ min: 1, max: 255 }), (of, noted, at, change) => {
      const first = encodeFirst(of);
      const content = Buffer.concat([first, ...noted.map((one) => encodeRecord(one, first))]);
      const place = at % content.length;
      content[place]! ^= change;
      assert.deepEqual(
        readJournal(content, first).pieces,
        noted.slice(0, Math.max(0, Math.floor(place / 64) - 1)),
      );
    }),
    { numRuns: 300 },
  ));

test('a journal of another file, of another partial file or of another digest is not believed', () =>
  fc.assert(
    fc.property(about, about, pieces, (one, other, noted) => {
      fc.pre(JSON.stringify(keyed(one)) !== JSON.stringify(keyed(other)));
      const first = encodeFirst(one);
      const content = Buffer.concat([first, ...noted.map((piece) => encodeRecord(piece, first))]);
      assert.deepEqual(readJournal(content, encodeFirst(other)), { pieces: [], validBytes: 0 });
    }),
  ));

test('a journal that was cut is gone on with: what is noted later is listed behind what was whole', (t) =>
  withScratch(t, (directory) =>
    fc.assert(
      fc.asyncProperty(about, pieces, pieces, share, async (of, before, after, cut) => {
        const path = join(directory, 'journal');
        writeFileSync(path, '');
        const { journal } = await Journal.open(path, of);
        await journal.append(before);
        await journal.close();
        truncateSync(path, Math.floor(cut * statSync(path).size));
        const again = await Journal.open(path, of);
        assert.deepEqual(again.pieces, before.slice(0, again.pieces.length));
        await again.journal.append(after);
        await again.journal.close();
        assert.deepEqual(readJournal(readFileSync(path), encodeFirst(of)).pieces, [
          ...again.pieces,
          ...after,
        ]);
      }),
      { numRuns: 40 },
    ),
  ));

test('a piece counts where no later one lies over it, and the other end reads them as they were told', () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.record(
          {
            offset: fc.integer({ min: 0, max: 60 }),
            length: fc.integer({ min: 1, max: 20 }),
            sha256,
          },
          plain,
        ),
        { maxLength: 20 },
      ),
      (came) => {
        const counting = current(came);
        assert.deepEqual(decodePieces(encodePieces(counting), 80), counting);
        came.forEach((piece, index) => {
          const isOver = (later: Piece) =>
            later.offset < piece.offset + piece.length && piece.offset < later.offset + later.length;
          assert.equal(counting.includes(piece), !came.slice(index + 1).some(isOver));
        });
      },
    ),
  ));

function keyed({ bytes, sha256: digest, inode }: JournalOf) {
  return [bytes, digest, String(inode)];
}
