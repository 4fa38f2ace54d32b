import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as errors from '../../../src/core/exceptions.js';
import { partName } from '../../../src/core/transport/send-file.js';
import type { SendRequest, Transport } from '../../../src/core/transport/transport.js';
import { withScratch } from '../../support/scratch.js';

const MIB = 1024 * 1024;

/** A transport to the directory `to`, with a file of random bytes at the origin. */
export interface Shipment {
  transport: Transport;
  request: SendRequest;
  /** Directory of the destination. */
  to: string;
  content: Buffer;
}

export type RunOnTransport = (
  directory: string,
  run: (transport: Transport) => Promise<void>,
) => Promise<void>;

/** Runs a test on a transport and a file of this size. */
export async function withShipment(
  t: TestContext,
  onTransport: RunOnTransport,
  bytes: number,
  run: (shipment: Shipment) => Promise<void>,
): Promise<void> {
  await withScratch(t, async (scratch) => {
    const to = join(scratch, 'to');
    mkdirSync(to);
    const file = join(scratch, 'package.tar');
    const content = randomBytes(bytes);
    writeFileSync(file, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    await onTransport(to, (transport) =>
      run({ transport, to, content, request: { file, name: 'package.tar', bytes, sha256 } }),
    );
  });
}

/** Asserts that exactly this content lies at the destination, and no partial file. */
export function assertArrived({ to, request, content }: Shipment): void {
  assert.deepEqual(readdirSync(to), [request.name]);
  assert.ok(readFileSync(join(to, request.name)).equals(content));
}

/** Sends until half of the bytes have arrived, then aborts. */
export async function sendHalf({ transport, request }: Shipment): Promise<void> {
  const abort = new AbortController();
  const reason = new Error('stopped in the middle');
  const onProgress = (bytesDone: number) => {
    if (bytesDone >= request.bytes / 2) abort.abort(reason);
  };
  await assert.rejects(transport.send({ ...request, signal: abort.signal, onProgress }), reason);
}

/**
 * What every transport must do, checked on real files.
 *
 * @param ways.slowly the same, slow enough to be stopped in the middle
 * @param ways.part how it names its partial files
 */
export function behavesLikeATransport(
  name: string,
  onTransport: RunOnTransport,
  ways: { slowly?: RunOnTransport; part?: typeof partName } = {},
): void {
  const { slowly = onTransport, part = partName } = ways;
  const check = (
    behaviour: string,
    bytes: number,
    run: (shipment: Shipment) => Promise<void>,
    way = onTransport,
  ): void => {
    test(`${name}: ${behaviour}`, (t) => withShipment(t, way, bytes, run));
  };

  check('a file arrives byte for byte, and progress tells every byte', 20 * MIB + 17, async (shipment) => {
    const told: number[] = [];
    const result = await shipment.transport.send({
      ...shipment.request,
      onProgress: (bytes) => told.push(bytes),
    });
    assert.deepEqual(result, { bytesSent: shipment.request.bytes, alreadyThere: false });
    assertArrived(shipment);
    assert.equal(told.at(-1), shipment.request.bytes);
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
  });

  check('an empty file arrives', 0, async (shipment) => {
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
  });

  check('what is there already is not sent again', MIB, async (shipment) => {
    await shipment.transport.send(shipment.request);
    assert.deepEqual(await shipment.transport.send(shipment.request), { bytesSent: 0, alreadyThere: true });
    assertArrived(shipment);
  });

  check(
    'an aborted send publishes nothing, and the next one sends only the rest',
    24 * MIB,
    async (shipment) => {
      await sendHalf(shipment);
      const { name, sha256, bytes } = shipment.request;
      const left = readdirSync(shipment.to).filter((found) => !found.endsWith('.pieces')); // a journal beside it
      assert.deepEqual(left, [part(name, sha256)]);
      const { bytesSent } = await shipment.transport.send(shipment.request);
      assert.ok(bytesSent <= bytes / 2, `${bytesSent} of ${bytes} bytes were sent again`);
      assertArrived(shipment);
    },
    slowly,
  );

  check('a send that was aborted before it began does nothing', MIB, async ({ transport, request, to }) => {
    await assert.rejects(transport.send({ ...request, signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(readdirSync(to), []);
  });

  check('a partial file that is longer than the file is thrown away', MIB, async (shipment) => {
    const { name, sha256, bytes } = shipment.request;
    writeFileSync(join(shipment.to, part(name, sha256)), Buffer.alloc(2 * MIB));
    assert.equal((await shipment.transport.send(shipment.request)).bytesSent, bytes);
    assertArrived(shipment);
  });

  check('a file of another size at the destination is replaced', MIB, async (shipment) => {
    writeFileSync(join(shipment.to, shipment.request.name), 'rest of something else');
    assert.equal((await shipment.transport.send(shipment.request)).alreadyThere, false);
    assertArrived(shipment);
  });

  check(
    'a folder in the place of the file stays, and the send fails',
    MIB,
    async ({ transport, request, to }) => {
      mkdirSync(join(to, request.name));
      await assert.rejects(transport.send(request), errors.DestinationFileExistsError);
      assert.deepEqual(readdirSync(to), [request.name]);
    },
  );

  check(
    'a file that is not what its digest says is never published',
    3 * MIB,
    async ({ transport, request, to }) => {
      await assert.rejects(
        transport.send({ ...request, sha256: '0'.repeat(64) }),
        errors.DataCorruptionError,
      );
      assert.deepEqual(readdirSync(to), []);
    },
  );

  check('a file that lost bytes is never published', MIB, async ({ transport, request, to }) => {
    truncateSync(request.file, MIB / 2);
    await assert.rejects(transport.send(request), errors.DataCorruptionError);
    assert.deepEqual(readdirSync(to), []);
  });

  check('a file that is gone at the origin is a permanent error', MIB, async ({ transport, request }) => {
    await assert.rejects(transport.send({ ...request, file: `${request.file}.gone` }), errors.PermanentError);
  });

  check('a name that leaves the directory is refused', MIB, async ({ transport, request, to }) => {
    for (const bad of ['../escaped.tar', '/escaped.tar', 'a/b.tar', '..', '', '-rf', 'a\nb']) {
      await assert.rejects(transport.send({ ...request, name: bad }), errors.PermanentError);
    }
    assert.deepEqual(readdirSync(to), []);
  });

  check('two attempts at once leave one good file', 24 * MIB, async (shipment) => {
    const { transport, request } = shipment;
    await Promise.all([transport.send(request), transport.send(request)]);
    assertArrived(shipment);
  });

  test(`${name}: a destination that is not there is a matter of configuration`, async (t) => {
    const missing: RunOnTransport = (to, run) => onTransport(join(to, 'not', 'mounted'), run);
    await withShipment(t, missing, MIB, async ({ transport, request, to }) => {
      await assert.rejects(transport.send(request), errors.ConfigurationError);
      assert.deepEqual(readdirSync(to), []);
    });
  });
}
