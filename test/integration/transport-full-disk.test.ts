import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/core/exceptions.js';
import { makeTransport } from '../../src/core/transport/make-transport.js';
import { TokenBucket } from '../../src/core/utilities/token-bucket.js';
import { fillDisk, withSmallDisk } from '../support/hostile-disk.js';
import { withSshd } from './support/sshd.js';
import { onDialled } from './support/stream.js';
import { assertArrived, withShipment, type RunOnTransport } from './support/transport-behaviour.js';

const MIB = 1024 * 1024;

const ways: Record<string, RunOnTransport> = {
  local: async (directory, run) => {
    const transport = makeTransport({ transport: 'local', directory });
    await run(transport);
    await transport.close();
  },
  sftp: (directory, run) =>
    withSshd(async (sshd) => {
      const transport = makeTransport(sshd.target(directory));
      try {
        await run(transport);
      } finally {
        await transport.close();
      }
    }),
  stream: onDialled,
};

for (const [name, onTransport] of Object.entries(ways)) {
  const onSmallDisk: RunOnTransport = (directory, run) =>
    withSmallDisk(directory, 32 * MIB, () => onTransport(directory, run));

  test(`${name}: a destination without space for the whole file is told before a byte is sent`, (t) =>
    withShipment(t, onSmallDisk, 40 * MIB, async ({ transport, request, to }) => {
      await assert.rejects(transport.send(request), isFullDisk(request.name));
      assert.deepEqual(readdirSync(to), []);
    }));

  test(`${name}: a disk that fills up in the middle stops the send, which goes on once there is space`, (t) =>
    withShipment(t, onSmallDisk, 24 * MIB, async (shipment) => {
      const { transport, request, to } = shipment;
      const filler = join(to, 'of-somebody-else');
      let filled = false;
      const onProgress = (bytesDone: number) => {
        if (filled || bytesDone < 8 * MIB) return;
        filled = true;
        fillDisk(filler);
      };
      // Slowly enough that something is still to come when the first bytes have arrived.
      const bucket = new TokenBucket(24 * MIB);
      const pace = (bytes: number) => bucket.take(bytes);
      await assert.rejects(transport.send({ ...request, onProgress, pace }), (error) => {
        isFullDisk(request.name)(error);
        if (name !== 'stream') isToldWhole(error as Error, request.name, to);
        return true;
      });
      assert.ok(!readdirSync(to).includes(request.name));
      rmSync(filler);
      assert.ok((await transport.send(request)).bytesSent < request.bytes);
      assertArrived(shipment);
    }));
}

/** Told as what it is, with the file. */
const isFullDisk = (name: string) => (error: unknown) => {
  assert.ok(error instanceof StorageError, String(error));
  assert.equal(error.retryAfterSeconds, 30);
  assert.ok(error.subject?.startsWith(name), error.subject); // or its partial file
  assert.match(error.advice ?? '', /[Ff]ree space/);
  return true;
};

/** With the destination, and with what is missing there. */
function isToldWhole(error: Error, name: string, directory: string): void {
  const begin = `no space for ${name} at the destination, in ${directory}: `;
  assert.ok(error.message.startsWith(begin), error.message);
  const [, needed, free] = /(\d+) bytes needed, (\d+) free$/.exec(error.message) ?? [];
  assert.ok(Number(needed) > 0 && Number(needed) <= 16 * MIB, error.message);
  assert.ok(Number(free) < Number(needed), error.message);
}

test('stream: a disk that fills up says how much of the file is missing', (t) =>
  withShipment(
    t,
    (directory, run) => withSmallDisk(directory, 32 * MIB, () => onDialled(directory, run)),
    24 * MIB,
    async ({ transport, request, to }) => {
      const bucket = new TokenBucket(24 * MIB);
      const pace = (bytes: number) => bucket.take(bytes);
      const onProgress = (bytesDone: number) => {
        if (bytesDone >= 8 * MIB) fillDisk(join(to, 'of-somebody-else'));
      };
      await assert.rejects(transport.send({ ...request, onProgress, pace }), (error: Error) => {
        const [, needed, free] = /(\d+) bytes needed, (\d+) free/.exec(error.message) ?? [];
        assert.ok(Number(needed) > 0 && Number(needed) <= 16 * MIB, error.message);
        assert.ok(Number(free) < Number(needed), error.message);
        return true;
      });
    },
  ));
