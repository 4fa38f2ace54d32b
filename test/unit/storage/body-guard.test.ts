import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { guardOf } from '../../../src/core/storage/body-guard.js';

const body = Buffer.from('123456789');
const sha256 = createHash('sha256').update(body).digest();
/** The check value of CRC-32/ISO-HDLC: 0xcbf43926. */
const CRC32 = Buffer.from('cbf43926', 'hex').toString('base64');

test('one checksum is enough where the store takes bodies that are not signed', () => {
  assert.deepEqual(guardOf({ checksum: 'CRC32', takesUnsigned: true }, body), {
    parameters: { ChecksumCRC32: CRC32 },
    signed: 'UNSIGNED-PAYLOAD',
  });
  assert.deepEqual(guardOf({ checksum: 'SHA256', takesUnsigned: true }, body, sha256), {
    parameters: { ChecksumSHA256: sha256.toString('base64') },
    signed: 'UNSIGNED-PAYLOAD',
  });
});

test('the body is signed where the store wants it so, and where it checks no checksum', () => {
  assert.deepEqual(guardOf({ checksum: 'CRC32', takesUnsigned: false }, body), {
    parameters: { ChecksumCRC32: CRC32 },
    signed: sha256.toString('hex'),
  });
  assert.deepEqual(guardOf({ checksum: undefined, takesUnsigned: true }, body), {
    parameters: {},
    signed: sha256.toString('hex'),
  });
  assert.deepEqual(guardOf({ checksum: 'MD5', takesUnsigned: true }, body), {
    parameters: { ContentMD5: createHash('md5').update(body).digest('base64') },
    signed: 'UNSIGNED-PAYLOAD',
  });
});
