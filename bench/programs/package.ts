import { basename } from 'node:path';
import type { FoundEntry } from '../../src/core/database/records.js';
import { createPackage } from '../../src/core/package/create-package.js';
import { scanSource } from '../../src/core/package/scan-source.js';

/** `package SOURCE DESTINATION`: finds what is in a source and makes one package of it, as a worker does; prints what the package holds. */
const [source = '', destination = ''] = process.argv.slice(2);
const entries: FoundEntry[] = [];
for await (const found of scanSource(source, { quietSeconds: 0, now: Date.now() }))
  if ('entry' in found) entries.push(found.entry);
const { bytes, sha256, fileCount, payloadBytes } = await createPackage({
  sourceRoot: source,
  entries,
  name: basename(destination, '.tar'),
  destination,
  bagInfo: { 'Source-Organization': 'bench' },
});
process.stdout.write(`${JSON.stringify({ bytes, sha256, fileCount, payloadBytes })}\n`);
