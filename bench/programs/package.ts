import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FoundEntry } from '../../src/core/database/records.js';
import { createPackage, resultPath } from '../../src/core/package/create-package.js';
import type { PackageResult } from '../../src/core/package/package-result.js';
import { scanSource } from '../../src/core/package/scan-source.js';

/**
 * `package SOURCE DESTINATION [OTHER]`: finds what is in a source and makes one package of it, as a worker does. With another source it makes
 * a package of that first, in the same process, and clears it away. Prints what the package holds, and what it took by this process's own account.
 */
const [source = '', destination = '', other] = process.argv.slice(2);
if (other !== undefined) {
  await packageOf(other);
  await rm(destination);
  await rm(resultPath(destination));
}
const [began, used] = [performance.now(), process.cpuUsage()];
const { bytes, sha256, fileCount, payloadBytes } = await packageOf(source);
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(used);
const cpuSeconds = (user + system) / 1e6;
process.stdout.write(`${JSON.stringify({ bytes, sha256, fileCount, payloadBytes, seconds, cpuSeconds })}\n`);

async function packageOf(sourceRoot: string): Promise<PackageResult> {
  const entries: FoundEntry[] = [];
  for await (const findings of scanSource(sourceRoot, { quietSeconds: 0, now: Date.now() }))
    for (const found of findings) if ('entry' in found) entries.push(found.entry);
  const bagInfo = { 'Source-Organization': 'bench' };
  return createPackage({ sourceRoot, entries, name: basename(destination, '.tar'), destination, bagInfo });
}
