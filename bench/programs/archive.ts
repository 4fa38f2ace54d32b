import { basename } from 'node:path';
import { statSync } from 'node:fs';
import { OPERATIONS } from '../../src/core/operation-types.js';
import { readInFull } from '../../src/core/storage/challenge.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment } from '../../src/core/storage/s3-settings.js';
import { readDigests } from '../digests.js';

/**
 * `archive BUCKET DIGESTS FILE...`: puts packages into an archive and reads them back in full, as many at a time as a worker does. Their
 * digests, as `sha256sum` writes them, are known beforehand, as those of packages are.
 */
const [bucket = '', digests = '', ...files] = process.argv.slice(2);
const known = readDigests(digests);
const store = new S3ArchiveStore({ ...s3SettingsFromEnvironment(process.env), bucket });
let next = 0;

async function archiveSome(): Promise<void> {
  for (let file = files[next++]; file !== undefined; file = files[next++]) {
    const key = `bench/${basename(file)}`;
    const expected = { bytes: statSync(file).size, sha256: known.get(basename(file)) ?? '' };
    await store.prepare();
    await store.put(key, file, expected);
    await store.putJson(`${key}.json`, expected);
    const read = await readInFull(store, { path: key, ...expected }, {});
    if ('wrong' in read) throw new Error(`${key}: ${read.wrong}`);
  }
}

await Promise.all(
  Array.from({ length: OPERATIONS.long_term_archive_transfer.concurrency }, () => archiveSome()),
);
