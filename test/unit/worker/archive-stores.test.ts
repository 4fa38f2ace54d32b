import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import { SettingsManager } from '../../../src/core/settings-manager.js';
import { archiveStores } from '../../../src/worker/archive-stores.js';

test('an S3 archive has one store, whose connections are used again, until the topology says otherwise', () => {
  const storeOf = archiveStores({
    environment: {
      CCAT_DATA_TRANSFER_S3_ENDPOINT: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
    catalogue: {} as unknown as Catalogue,
    settings: new SettingsManager({ stored: () => Promise.resolve([]) }),
    notifications: { tell: () => Promise.resolve() },
    log: makeLogger({ level: 'error', format: 'json' }),
  });
  const archive = { id: '1', site: 'b', name: 'lta', storageType: 's3', bucket: 'raw' } as Location;
  const first = storeOf(archive);
  assert.equal(storeOf({ ...archive }), first);
  assert.notEqual(storeOf({ ...archive, id: '2', name: 'other' }), first);
  const moved = { ...archive, bucket: 'elsewhere' };
  const second = storeOf(moved);
  assert.notEqual(second, first);
  assert.equal(storeOf(moved), second);
});
