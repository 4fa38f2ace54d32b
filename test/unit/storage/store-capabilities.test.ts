import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  lostAbilities,
  modeFor,
  type StoreCapabilities,
} from '../../../src/core/storage/store-capabilities.js';

const able = (changes: Partial<StoreCapabilities> = {}): StoreCapabilities => ({
  checksums: {
    SHA256: 'checked',
    SHA1: 'checked',
    CRC32C: 'refused',
    CRC32: 'ignored',
    CRC64NVME: 'refused',
  },
  contentMd5: 'checked',
  signedPayload: 'checked',
  tellsChecksums: true,
  sdkDefaults: { header: true, trailer: true },
  conditionalPut: true,
  conditionalComplete: true,
  multipart: {
    works: true,
    lists: true,
    checksums: { SHA256: ['composite'], SHA1: [], CRC32C: [], CRC32: [], CRC64NVME: [] },
    minPartBytes: 5_242_880,
  },
  ranges: true,
  versioning: true,
  leftovers: 0,
  ...changes,
});

test('what a store can do no more is told, what it could not do before or can do now is not', () => {
  assert.deepEqual(lostAbilities(able(), able()), []);
  const less = able({
    checksums: {
      SHA256: 'ignored',
      SHA1: 'checked',
      CRC32C: 'checked',
      CRC32: 'refused',
      CRC64NVME: 'refused',
    },
    conditionalPut: false,
    versioning: undefined,
    objectLock: true,
  });
  assert.deepEqual(lostAbilities(able(), less), [
    'it checks SHA256 no more: it is ignored',
    'it does not refuse to overwrite any more',
    'it does not keep versions any more',
  ]);
  assert.deepEqual(lostAbilities(less, able()), [
    'it checks CRC32C no more: it is refused',
    'it does not lock objects any more',
  ]);
});

test('a store checks the CRC-32 of parts where it is found to, else what it does check', () => {
  const composite = (...names: (keyof StoreCapabilities['checksums'])[]) => {
    const base = able();
    const checksums = { ...base.multipart.checksums, SHA256: [] as 'composite'[] };
    for (const name of names) checksums[name] = ['composite'];
    return { ...base.multipart, checksums };
  };
  const trusts = { ...able().checksums, CRC32: 'checked' } as const;
  const both = able({ checksums: trusts, multipart: composite('SHA256', 'CRC32'), unsignedPayload: true });
  assert.deepEqual(
    [modeFor(both).checksum, modeFor(both).partChecksum, modeFor(both).takesUnsigned],
    ['SHA256', 'CRC32', true],
  );
  const ignored = able({ multipart: composite('SHA256', 'CRC32') });
  assert.deepEqual([modeFor(ignored).partChecksum, modeFor(ignored).takesUnsigned], ['SHA256', false]);
  const notInParts = able({ checksums: trusts, multipart: composite() });
  assert.equal(modeFor(notInParts).partChecksum, 'MD5');
});
