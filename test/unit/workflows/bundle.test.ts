import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { workflowBundle } from '../../integration/support/temporal.js';

test('the workflow bundle holds workflows and nothing that does I/O', () => {
  const code = readFileSync(workflowBundle.codePath, 'utf8');
  for (const driver of ['typeorm', '@aws-sdk', 'node_modules/pg', 'ssh2', 'winston', 'node_modules/tar/']) {
    assert.ok(!code.includes(driver), `${driver} reached the workflows`);
  }
  assert.ok(code.length < 6_000_000, `${code.length} bytes, source map included`);
});
