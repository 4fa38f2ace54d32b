import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { environmentFor, readAddresses, writeAddresses } from '../../../src/client/embedded/addresses.js';
import { givenAddresses } from '../../../src/client/embedded/given-addresses.js';
import { withScratch } from '../../support/scratch.js';

const NO_PROFILE = { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' };
const FULL = {
  temporal: { address: 'temporal.example:7233', namespace: 'transfer' },
  databaseUrl: 'postgres://user:word@db.example/catalogue',
  s3: { endpoint: 'https://s3.example', region: 'eu-1', accessKeyId: 'key', secretAccessKey: 'secret' },
};

describe('given addresses', () => {
  it('are none where the environment names none', () => {
    assert.deepEqual(givenAddresses(NO_PROFILE), {
      temporal: undefined,
      databaseUrl: undefined,
      s3: undefined,
    });
  });

  it('are the same after a way through the environment', () => {
    assert.deepEqual(givenAddresses({ ...NO_PROFILE, ...environmentFor(FULL) }), FULL);
  });

  it('may come from a profile of the Temporal client', (t) =>
    withScratch(t, async (scratch) => {
      const file = join(scratch, 'temporal.toml');
      writeFileSync(file, '[profile.site]\naddress = "cluster.example:7233"\nnamespace = "ccat"\n');
      const environment = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'site' };
      const expected = { address: 'cluster.example:7233', namespace: 'ccat' };
      assert.deepEqual(givenAddresses(environment).temporal, expected);
      const missing = { ...environment, TEMPORAL_PROFILE: 'other' };
      assert.throws(() => givenAddresses(missing), /the Temporal client's configuration can't be used/);
      await Promise.resolve();
    }));

  it('of an S3 store need its keys', () => {
    const environment = { ...NO_PROFILE, CCAT_DATA_TRANSFER_S3_ENDPOINT: 'https://s3.example' };
    assert.throws(
      () => givenAddresses(environment),
      /wrong settings for the S3 store: CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID/,
    );
  });

  it('of a running stack are found in its data directory', (t) =>
    withScratch(t, async (scratch) => {
      assert.equal(await readAddresses(scratch), undefined);
      await writeAddresses(scratch, FULL);
      assert.deepEqual(await readAddresses(scratch), FULL);
    }));
});
