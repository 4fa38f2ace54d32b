import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ranges } from '../../../../src/core/transport/stream/ranges.js';

const LENGTH = 60;
const range = fc.tuple(fc.nat(LENGTH), fc.nat(LENGTH));

test('ranges know each byte that was added, which are missing, and how many were new', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), range, (added, [from, to]) => {
      const ranges = new Ranges();
      // The same, byte by byte.
      const bytes = new Set<number>();
      for (const [begin, end] of added) {
        const before = bytes.size;
        for (let at = begin; at < end; at++) bytes.add(at);
        assert.equal(ranges.add(begin, end), bytes.size - before);
        assert.equal(ranges.bytes, bytes.size);
      }
      const missing = ranges.missing(LENGTH);
      const gone = new Set<number>();
      for (const gap of missing) for (let at = gap.from; at < gap.to; at++) gone.add(at);
      for (let at = 0; at < LENGTH; at++) assert.equal(gone.has(at), !bytes.has(at), `byte ${at}`);
      // In order, apart from each other, none of them empty.
      missing.forEach((gap, index) =>
        assert.ok(gap.from < gap.to && gap.from > (missing[index - 1]?.to ?? -1)),
      );
      const inside = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
      assert.equal(
        ranges.touches(from, to),
        inside.some((at) => bytes.has(at)),
      );
    }),
    { numRuns: 2000 },
  );
});
