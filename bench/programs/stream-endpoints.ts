import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { StreamListener } from '../../src/core/transport/stream/listener.js';
import { StreamReceiver } from '../../src/core/transport/stream/receiver.js';
import type { SendRequest } from '../../src/core/transport/transport.js';
import { checkPlainName } from '../../src/core/utilities/disk.js';
import { readDigests } from '../digests.js';
import { hostAndPort, readIdentity, transportTo } from '../stream-ends.js';

/**
 * The two ends of the stream transport as processes of their own.
 *
 *     receive --listen HOST:PORT --identity FOLDER --directory FOLDER      until it is ended; prints `ready`
 *     send --to HOST:PORT --identity FOLDER [--location FOLDER] [--site SITE] [--digests FILE] FILE...
 *
 * A location is a folder below that of the receiver. Digests as `sha256sum` writes them are known beforehand, as those of packages are
 * to the product; without them the sender reads each file once to have them. `send` prints seconds and bytes as JSON.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    directory: { type: 'string', default: '.' },
    to: { type: 'string', default: '' },
    identity: { type: 'string', default: '.' },
    location: { type: 'string', default: '' },
    site: { type: 'string', default: 'far' },
    digests: { type: 'string' },
  },
});
const [what, ...files] = positionals;

if (what === 'receive') await receive();
else if (what === 'send') await send();
else throw new Error('say `receive` or `send`');

async function receive(): Promise<void> {
  const { directory, identity, listen } = values;
  const directoryOf = ({ location }: { location: string }) =>
    Promise.resolve(location === '' ? directory : join(directory, checkPlainName(location)));
  const listener = await StreamListener.open({
    ...hostAndPort(listen),
    identity: readIdentity(identity),
    receiver: new StreamReceiver({ directoryOf }),
    onProblem: ({ name, message }) => process.stderr.write(`${name}: ${message}\n`),
  });
  process.stdout.write(`ready ${listener.port}\n`);
  process.on('SIGTERM', () => void listener.close().then(() => process.exit(0)));
}

async function send(): Promise<void> {
  const requests: SendRequest[] = [];
  const known = values.digests === undefined ? new Map<string, string>() : readDigests(values.digests);
  for (const file of files) {
    const sha256 = known.get(basename(file)) ?? (await digestOf(file));
    requests.push({ file, name: basename(file), bytes: statSync(file).size, sha256 });
  }
  const began = performance.now();
  const transport = transportTo(values);
  let [next, sent] = [0, 0];
  const sendSome = async () => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      const { bytesSent } = await transport.send(request);
      sent += bytesSent;
    }
  };
  await Promise.all(Array.from({ length: transport.parallelSends }, sendSome));
  await transport.close();
  const seconds = (performance.now() - began) / 1000;
  const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
  process.stdout.write(`${JSON.stringify({ seconds, bytes, sent, files: requests.length })}\n`);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
