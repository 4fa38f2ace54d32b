import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/core/exceptions.js';
import { makeTransport } from '../../src/core/transport/make-transport.js';
import { fillDisk, withSmallDisk } from '../support/hostile-disk.js';
import { withSshd } from './support/sshd.js';
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
};

for (const [name, onTransport] of Object.entries(ways)) {
  const onSmallDisk: RunOnTransport = (directory, run) =>
    withSmallDisk(directory, 32 * MIB, () => onTransport(directory, run));

  test(`${name}: a destination without space for the whole file is told before a byte is sent`, (t) =>
    withShipment(t, onSmallDisk, 40 * MIB, async ({ transport, request, to }) => {
      await assert.rejects(transport.send(request), isFullDisk);
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
      await assert.rejects(transport.send({ ...request, onProgress }), isFullDisk);
      assert.ok(!readdirSync(to).includes(request.name));
      rmSync(filler);
      assert.ok((await transport.send(request)).bytesSent < request.bytes);
      assertArrived(shipment);
    }));
}

function isFullDisk(error: unknown): boolean {
  assert.ok(error instanceof StorageError, String(error));
  assert.equal(error.retryAfterSeconds, 30);
  assert.match(error.advice ?? '', /[Ff]ree space/);
  return true;
}
