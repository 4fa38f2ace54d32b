import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MIB, MOST_PIECE_BYTES } from '../../../../src/core/transport/stream/frames.js';
import { MOST_TOLD } from '../../../../src/core/transport/stream/pieces.js';
import {
  blockBytes,
  endingTogether,
  pieceBytes,
  PieceSize,
} from '../../../../src/core/transport/stream/piece-size.js';

const LEAST = 64 * 1024;

/** The lengths of pieces on a stream of this rate. */
function lengths(bytesPerSecond: number, pieces: number, size = new PieceSize()): number[] {
  return Array.from({ length: pieces }, () => {
    const length = size.bytes;
    size.took((length / bytesPerSecond) * 1000, length);
    return length;
  });
}

test('at any rate the pieces become what the stream sends in 50 to 150 ms, within the bounds', () =>
  fc.assert(
    fc.property(fc.double({ min: 1e3, max: 1e10, noNaN: true }), (rate) => {
      const last = lengths(rate, 40).at(-1)!;
      assert.ok(last >= LEAST && last <= MOST_PIECE_BYTES);
      const milliseconds = (last / rate) * 1000;
      assert.ok(milliseconds >= 50 || last === MOST_PIECE_BYTES, `${milliseconds} ms`);
      assert.ok(milliseconds <= 150 || last === LEAST, `${milliseconds} ms`);
    }),
  ));

test('a stream that becomes slow makes shorter pieces after a few of them', () => {
  const size = new PieceSize();
  lengths(1e8, 40, size);
  assert.ok(size.bytes > MIB);
  lengths(4e5, 8, size);
  assert.equal(size.bytes, LEAST);
});

test('a piece that was short for another reason says nothing about a longer one', () => {
  const size = new PieceSize();
  for (let piece = 0; piece < 10; piece++) size.took(1, LEAST / 2);
  assert.equal(size.bytes, LEAST);
});

test('a stream has several pieces on its way, and of a file of any size so many can be told', () => {
  assert.equal(pieceBytes(2 ** 30, 8 * MIB, MIB), MIB / 4);
  assert.equal(pieceBytes(2 ** 30, LEAST, MIB), LEAST);
  assert.equal(pieceBytes(2 ** 30, 8 * MIB, 1), LEAST);
  for (const bytes of [50e9, 399e9]) {
    const most = bytes / pieceBytes(bytes, LEAST, 1);
    assert.ok(most <= MOST_TOLD && pieceBytes(bytes, LEAST, 1) <= blockBytes(bytes), `${most} pieces`);
  }
});

test('towards the end every stream has something to do', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: LEAST, max: MOST_PIECE_BYTES }),
      fc.integer({ min: 1, max: 2 ** 32 }),
      fc.integer({ min: 1, max: 64 }),
      (wanted, left, streams) => {
        const taken = endingTogether(wanted, left, streams);
        assert.ok(taken <= wanted);
        assert.ok(taken <= Math.max(LEAST, Math.ceil(left / (2 * streams))));
        assert.ok(taken >= Math.min(wanted, LEAST));
      },
    ),
  ));

test('a file of any size is read in blocks that a piece may be, no more than its journal bears', () => {
  for (const bytes of [1, MIB, 2 ** 30, 50e9, 399e9]) {
    assert.ok(blockBytes(bytes) >= MIB && blockBytes(bytes) <= MOST_PIECE_BYTES);
    assert.ok(bytes / blockBytes(bytes) <= 50_000);
  }
});
