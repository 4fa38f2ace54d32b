import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Runs a test in a directory of its own. It is removed when the test passes; when it fails it is kept, and the test tells where. */
export async function withScratch(t: TestContext, run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'cdt-test-'));
  try {
    await run(directory);
  } catch (error) {
    t.diagnostic(`what this test left is kept in ${directory}`);
    throw error;
  }
  removeTree(directory);
}

/** Removes a tree; Node's own `rm` can't remove names that are not UTF-8. */
export function removeTree(directory: string): void {
  execFileSync('rm', ['-rf', '--', directory]);
}
