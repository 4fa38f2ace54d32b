import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FoundEntry } from '../../src/core/database/records.js';
import { createPackage } from '../../src/core/package/create-package.js';
import { scanSource } from '../../src/core/package/scan-source.js';
import { verifyPackage } from '../../src/core/package/verify-package.js';
import { transportTo } from '../stream-ends.js';

/**
 * `ship --to HOST:PORT --identity FOLDER --source FOLDER --there FOLDER`: small files over the link as the product moves them. They are
 * found and packaged, the package is sent, and read back where it arrived and checked. THERE is the far end's
 * folder, on this machine's disk; its last name is that of the location.
 */
const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '' },
    identity: { type: 'string', default: '' },
    site: { type: 'string', default: 'far' },
    source: { type: 'string', default: '' },
    there: { type: 'string', default: '' },
  },
});
const { source, there } = values;
const buffer = await mkdtemp(join(tmpdir(), 'cdt-bench-ship-'));
const transport = transportTo({ ...values, location: basename(there) });
try {
  const entries: FoundEntry[] = [];
  for await (const findings of scanSource(source, { quietSeconds: 0, now: Date.now() }))
    for (const found of findings) if ('entry' in found) entries.push(found.entry);
  const name = 'package.tar';
  const file = join(buffer, name);
  const bagInfo = { 'Source-Organization': 'bench' };
  const made = await createPackage({
    sourceRoot: source,
    entries,
    name: 'package',
    destination: file,
    bagInfo,
  });
  const { bytes, sha256 } = made;
  await transport.send({ file, name, bytes, sha256 });
  const { ok, mismatches } = await verifyPackage({ file: join(there, name), bytes, sha256 });
  if (!ok) throw new Error(`it did not arrive whole: ${mismatches.join(', ')}`);
} finally {
  await transport.close();
  await rm(buffer, { recursive: true, force: true });
}
