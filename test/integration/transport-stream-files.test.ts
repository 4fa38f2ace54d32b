import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { ConfigurationError, NetworkError, StorageError } from '../../src/core/exceptions.js';
import { DialledConnections, type StreamConnections } from '../../src/core/transport/stream/connections.js';
import { StreamReceiver } from '../../src/core/transport/stream/receiver.js';
import { StreamTransport } from '../../src/core/transport/stream/stream-transport.js';
import { TokenBucket } from '../../src/core/utilities/token-bucket.js';
import { withCleanup } from '../support/cleanup.js';
import { withScratch } from '../support/scratch.js';
import { dialled, identities, listenAtCologne, LOCATION, receiverInto } from './support/stream.js';

/** Files below a directory that this process has open. */
function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    })
    .filter((path) => path.startsWith(directory));
}

async function untilClosed(directory: string): Promise<void> {
  for (let tries = 0; openBelow(directory).length > 0; tries += 1) {
    assert.ok(tries < 50, `still open: ${openBelow(directory).join(', ')}`);
    await sleep(100);
  }
}

for (const bytes of [1000, 20 * 1024 * 1024])
  test(`a file of ${bytes} bytes that could not be sent is closed, however the sending ended`, (t) =>
    withScratch(t, (directory) =>
      withCleanup(async (cleanup) => {
        const file = join(directory, 'file');
        const content = randomBytes(bytes);
        writeFileSync(file, content);
        const sha256 = createHash('sha256').update(content).digest('hex');
        const request = { file, name: 'file.tar', bytes, sha256 };

        const refusing = new StreamReceiver({
          directoryOf: () => Promise.reject(new ConfigurationError('there is no such buffer')),
        });
        const refused = await listenAtCologne(cleanup, refusing);
        await assert.rejects(dialled(cleanup, refused.port).send(request), ConfigurationError);
        await untilClosed(directory);

        const listener = await listenAtCologne(cleanup, receiverInto(directory));
        const transport = dialled(cleanup, listener.port);
        await assert.rejects(
          transport.send({
            ...request,
            // Given up at the moment when the first bytes shall go.
            pace: async () => {
              await transport.close();
            },
          }),
          NetworkError,
        );
        await untilClosed(directory);
      }),
    ));

test('a disk that goes away between two files on one connection takes nothing more', (t) =>
  withScratch(t, (directory) =>
    withCleanup(async (cleanup) => {
      const isThere = { value: true };
      const receiver = new StreamReceiver({
        directoryOf: () =>
          isThere.value
            ? Promise.resolve(directory)
            : Promise.reject(new StorageError('the disk is not mounted')),
      });
      const { port } = await listenAtCologne(cleanup, receiver);
      const transport = dialled(cleanup, port);
      const send = (name: string, bytes: number) => {
        const content = randomBytes(bytes);
        writeFileSync(join(directory, name), content);
        const sha256 = createHash('sha256').update(content).digest('hex');
        return transport.send({ file: join(directory, name), name: `${name}.tar`, bytes, sha256 });
      };
      assert.equal((await send('first', 1000)).alreadyThere, false);
      isThere.value = false;
      for (const bytes of [1000, 20 * 1024 * 1024])
        await assert.rejects(send(`of-${bytes}`, bytes), (error: Error) => {
          return error instanceof StorageError && error.message.includes('not mounted');
        });
      isThere.value = true;
      assert.equal((await send('second', 1000)).alreadyThere, false);
    }),
  ));

test('streams that could not be opened at first are opened later: one that stands shows that others can', (t) =>
  withScratch(t, (directory) =>
    withCleanup(async (cleanup) => {
      const { port } = await listenAtCologne(cleanup, receiverInto(directory));
      const inner = new DialledConnections({
        identity: identities.chile,
        site: 'cologne',
        host: '127.0.0.1',
        port,
      });
      let [dials, standing] = [0, 0];
      const connections: StreamConnections = {
        peer: inner.peer,
        open: async (location) => {
          dials += 1;
          // All but the first of those that are dialled in the beginning fail, and the tries that follow.
          if (dials > 1 && dials < 18) throw new NetworkError('nobody is there yet');
          standing += 1;
          return inner.open(location);
        },
      };
      const transport = new StreamTransport({ connections, location: LOCATION, maxStreams: 8 });
      cleanup.after(() => transport.close());
      const bytes = 48 * 1024 * 1024;
      const content = randomBytes(bytes);
      writeFileSync(join(directory, 'large'), content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      // Slow enough that there is something left to send when the others can be opened.
      const bucket = new TokenBucket(8 * 1024 * 1024);
      const pace = (length: number) => bucket.take(length);
      await transport.send({ file: join(directory, 'large'), name: 'large.tar', bytes, sha256, pace });
      assert.ok(standing >= 3, `${standing} streams of ${dials} dials`);
    }),
  ));
