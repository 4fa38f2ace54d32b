import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeTransport } from '../../src/core/transport/make-transport.js';
import {
  assertArrived,
  behavesLikeATransport,
  withShipment,
  type RunOnTransport,
} from './support/transport-behaviour.js';

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
