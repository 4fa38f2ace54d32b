import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytesOfText,
  decodePath,
  encodePath,
  systemPath,
  textOfBytes,
} from '../../src/core/utilities/path-text.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  // Percent signs, hexadecimal digits and halves of UTF-8 sequences, where an encoding goes wrong if it does.
  fc.array(fc.constantFrom(0x25, 0x34, 0x31, 0x46, 0x66, 0xc3, 0xa9, 0xff, 0xed, 0xa0, 0x80, 0xf0, 0x9f), {
    maxLength: 12,
  }),
);

test('any bytes survive the way to a path text and back', () => {
  fc.assert(
    fc.property(bytes, (name) => {
      assert.deepEqual(decodePath(encodePath(Buffer.from(name))), Buffer.from(name));
    }),
    { numRuns: 2000 },
  );
});

test('as text of its bytes a name is the same name: to a path text, and to the system', () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const name = Buffer.from(raw);
      const text = name.toString('latin1');
      assert.equal(textOfBytes(text), encodePath(name));
      assert.equal(bytesOfText(encodePath(name)), text);
      assert.deepEqual(Buffer.from(systemPath(text)), name);
    }),
    { numRuns: 2000 },
  );
});

test('different bytes have different path texts, which JSON and UTF-8 keep', () => {
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      const text = encodePath(Buffer.from(one));
      assert.equal(Buffer.from(JSON.parse(JSON.stringify(text)) as string, 'utf8').toString('utf8'), text);
      assert.equal(text === encodePath(Buffer.from(other)), Buffer.from(one).equals(Buffer.from(other)));
    }),
    { numRuns: 2000 },
  );
});

test('names in plain UTF-8 stand for themselves', () => {
  for (const name of ['a b/c', 'Orion-étoile', 'new\nline', '100%', '%zz', '🔭'])
    assert.equal(encodePath(Buffer.from(name)), name);
});

test('what would read as an escape is escaped, and so is what is no UTF-8', () => {
  assert.equal(encodePath(Buffer.from('%0A')), '%250A');
  assert.equal(encodePath(Buffer.from([0x61, 0xff, 0xe9])), 'a%FF%E9');
});
