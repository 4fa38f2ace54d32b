import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ours } from './contenders.js';
import { known, ratio, runCases, type BenchDocument, type BenchOptions } from './harness.js';
import { timed } from './timed.js';

const MEGABYTES = 1024;

/** What one core gives at SHA-256: the bound of everything that verifies. Ours is Node's, the other is the shell's. */
export async function digest(options: BenchOptions): Promise<BenchDocument> {
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-digest-'));
  try {
    const file = join(folder, 'bytes');
    execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${MEGABYTES}`, 'status=none']);
    const name = `${MEGABYTES} MiB`;
    const contenders = [
      { name: 'node', run: () => timed(ours('digest', file)) },
      { name: 'sha256sum', run: () => timed(['sha256sum', file]) },
    ];
    const cases = await runCases([{ name, bytes: MEGABYTES * 2 ** 20, files: 1, contenders }], options);
    return {
      bench: 'digest',
      cases,
      ratios: known({ 'node / sha256sum': ratio(cases, name, 'node', 'sha256sum') }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
