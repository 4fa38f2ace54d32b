import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PackageError } from '../../../src/core/exceptions.js';
import { bagInfoText, manifestLine, parseBagInfo, parseManifestLine } from '../../../src/core/package/bag.js';

const DIGEST = 'ab'.repeat(32);

test('a manifest line of any path is one line and reads back as that path', () => {
  const path = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  const awkward = fc
    .array(fc.constantFrom('\\', '\n', '\r', 'n', 'r', '%', ' '))
    .map((parts) => Buffer.from(`x${parts.join('')}`));
  fc.assert(
    fc.property(fc.oneof(path, awkward), (name) => {
      const line = manifestLine(DIGEST, name);
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert.deepEqual(parseManifestLine(line.subarray(0, -1)), { sha256: DIGEST, path: name });
    }),
    { numRuns: 1000 },
  );
});

test('names that need no escape are written as they are, also with a percent sign', () => {
  assert.equal(manifestLine(DIGEST, Buffer.from('data/%0A é')).toString(), `${DIGEST}  data/%0A é\n`);
  assert.equal(
    manifestLine(DIGEST, Buffer.from('data/a\\b\nc\rd')).toString(),
    `\\${DIGEST}  data/a\\\\b\\nc\\rd\n`,
  );
});

test('what is no manifest line is not read as one', () => {
  for (const line of [
    '',
    DIGEST,
    `${DIGEST}  `,
    `${DIGEST} data/x`,
    `${DIGEST.toUpperCase()}  data/x`,
    `\\${DIGEST}  a\\x`,
    `\\${DIGEST}  a\\`,
  ]) {
    assert.equal(parseManifestLine(Buffer.from(line)), undefined, line);
  }
});

test('bag-info keeps every value on its own lines, whatever is in it', () => {
  const description = `Raw data of ${'a long observation with many words '.repeat(8)}`.trim();
  const text = bagInfoText({
    'External-Identifier': 'x\nEvil-Label: y',
    'External-Description': description,
    'Bag-Size': '',
  });
  assert.deepEqual(parseBagInfo(text), {
    'External-Identifier': 'x\\nEvil-Label: y',
    'External-Description': description,
    'Bag-Size': '',
  });
  for (const line of text.split('\n')) assert.ok(line.length <= 79, line);
});

test('a label that could be taken for something else is refused', () => {
  for (const label of ['', 'a b', 'a:b', '-a', 'a\n'])
    assert.throws(() => bagInfoText({ [label]: 'x' }), PackageError);
});
