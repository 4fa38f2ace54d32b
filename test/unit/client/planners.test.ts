import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@temporalio/client';
import { runPlanner } from '../../../src/client/planners.js';

/** Whatever is asked of it is one call too many. */
const nobody = new Proxy({}, { get: () => assert.fail('nothing is started') }) as unknown as Client;

test('what no worker would take up is refused, and not waited for', async () => {
  const buffer = { site: 'ccat', name: 'buffer', locationType: 'buffer' as const, active: true };
  for (const [operation, location, words] of [
    ['audit', buffer, /type buffer, and it is done at long_term_archive/],
    ['raw_data_package_creation', buffer, /type buffer, and it is done at source/],
    ['data_transfer', buffer, /part of a journey/],
    ['deletion', { ...buffer, active: false }, /switched off/],
  ] as const)
    await assert.rejects(runPlanner(nobody, operation, location), (error: Error) => {
      assert.equal(error.name, 'ConfigurationError');
      assert.match(error.message, words);
      return true;
    });
});
