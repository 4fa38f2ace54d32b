import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ConfigurationError } from '../../../src/core/exceptions.js';
import { s3SettingsFromEnvironment } from '../../../src/core/storage/s3-settings.js';

const PREFIX = 'CCAT_DATA_TRANSFER_S3_';
const complete = {
  [`${PREFIX}ENDPOINT`]: 'https://s3.example.org',
  [`${PREFIX}ACCESS_KEY_ID`]: 'the-key',
  [`${PREFIX}SECRET_ACCESS_KEY`]: 'sesame-open',
};

test('the settings of the S3 store come from the environment, the region where one is named', () => {
  const settings = s3SettingsFromEnvironment(complete);
  assert.equal(settings.endpoint, 'https://s3.example.org');
  assert.equal(settings.region, 'us-east-1');
  assert.equal(settings.accessKeyId, 'the-key');
  assert.equal(settings.secretAccessKey.reveal(), 'sesame-open');
  assert.equal(s3SettingsFromEnvironment({ ...complete, [`${PREFIX}REGION`]: 'eu-1' }).region, 'eu-1');
});

test('the variables that S3 tools share are read where ours are not set, the keys as a pair', () => {
  const shared = {
    AWS_REGION: 'eu-2',
    AWS_ACCESS_KEY_ID: 'their-key',
    AWS_SECRET_ACCESS_KEY: 'their-secret',
  };
  const settings = s3SettingsFromEnvironment(shared);
  assert.deepEqual(
    [settings.region, settings.accessKeyId, settings.secretAccessKey.reveal()],
    ['eu-2', 'their-key', 'their-secret'],
  );
  assert.equal(s3SettingsFromEnvironment({ ...shared, ...complete }).secretAccessKey.reveal(), 'sesame-open');
  const half = { ...shared, [`${PREFIX}ACCESS_KEY_ID`]: 'the-key' };
  assert.throws(() => s3SettingsFromEnvironment(half), /S3_SECRET_ACCESS_KEY/);
});

test('settings that are printed, logged or sent never show the secret', () => {
  const settings = s3SettingsFromEnvironment(complete);
  const shown = [
    inspect(settings, { depth: 9, showHidden: true }),
    JSON.stringify(settings),
    settings.secretAccessKey.toString(),
  ];
  for (const text of shown) {
    assert.ok(!text.includes('sesame-open'), text);
    assert.ok(text.includes('***'), text);
  }
});

test('every wrong or missing variable is named, and no value', () => {
  const wrong = { [`${PREFIX}ENDPOINT`]: 'ftp://user:sesame-open@host', [`${PREFIX}ACCESS_KEY_ID`]: '' };
  assert.throws(
    () => s3SettingsFromEnvironment(wrong),
    (error: ConfigurationError) => {
      assert.ok(error instanceof ConfigurationError);
      for (const name of ['ENDPOINT', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY'])
        assert.ok(error.message.includes(PREFIX + name));
      assert.ok(!inspect(error).includes('sesame-open'));
      return true;
    },
  );
});

test('a location has keys of its own where its name stands in the variables, as a pair', () => {
  const place = { site: 'us', name: 'cold-store' };
  const own = {
    [`${PREFIX}US_COLD_STORE_ACCESS_KEY_ID`]: 'theirs',
    [`${PREFIX}US_COLD_STORE_SECRET_ACCESS_KEY`]: 'other-sesame',
  };
  assert.equal(s3SettingsFromEnvironment({ ...complete, ...own }, place).accessKeyId, 'theirs');
  assert.notEqual(s3SettingsFromEnvironment({ ...complete, ...own }).accessKeyId, 'theirs');
  const half = { [`${PREFIX}US_COLD_STORE_ACCESS_KEY_ID`]: 'theirs' };
  assert.throws(() => s3SettingsFromEnvironment({ ...complete, ...half }, place), /SECRET_ACCESS_KEY/);
});
