import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DataCorruptionError } from '../../src/core/exceptions.js';
import { makeTransport } from '../../src/core/transport/make-transport.js';
import { partName } from '../../src/core/transport/send-file.js';
import {
  assertArrived,
  behavesLikeATransport,
  withShipment,
  type RunOnTransport,
} from './support/transport-behaviour.js';

const MIB = 1024 * 1024;

const onLocal: RunOnTransport = async (directory, run) => {
  const transport = makeTransport({ transport: 'local', directory });
  await run(transport);
  await transport.close();
};

behavesLikeATransport('local', onLocal);

test('local: a file of the same size with other bytes is replaced', (t) =>
  withShipment(t, onLocal, 1_000_000, async (shipment) => {
    writeFileSync(join(shipment.to, shipment.request.name), randomBytes(1_000_000));
    const result = await shipment.transport.send(shipment.request);
    assert.deepEqual(result, { bytesSent: 1_000_000, alreadyThere: false });
    assertArrived(shipment);
  }));

test('local: what is digested on arrival is not digested on the way, but when it is asked for again it is', (t) =>
  withShipment(t, onLocal, 3 * MIB + 17, async (shipment) => {
    const { transport, to } = shipment;
    const request = { ...shipment.request, sha256: '0'.repeat(64) };
    await transport.send({ ...request, digestedOnArrival: true });
    assertArrived(shipment);
    // As whoever digested it there has it sent again: it is found to be damaged here, and nothing is published.
    await assert.rejects(transport.send(request), DataCorruptionError);
    assert.deepEqual(readdirSync(to), []);
  }));

test('local: a transfer that goes on at an odd place arrives byte for byte', (t) =>
  withShipment(t, onLocal, 9 * MIB + 4097, async (shipment) => {
    const { transport, request, to, content } = shipment;
    for (const there of [1, 4095, 2 * MIB + 511, 5 * MIB, request.bytes - 1]) {
      writeFileSync(join(to, partName(request.name, request.sha256)), content.subarray(0, there));
      assert.deepEqual(await transport.send(request), {
        bytesSent: request.bytes - there,
        alreadyThere: false,
      });
      assertArrived(shipment);
      rmSync(join(to, request.name));
    }
  }));
