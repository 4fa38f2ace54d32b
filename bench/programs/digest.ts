import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Reads a file once and prints its SHA-256. */
const [file = ''] = process.argv.slice(2);
const hash = createHash('sha256');
for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
  hash.update(chunk as Buffer);
process.stdout.write(`${hash.digest('hex')}\n`);
