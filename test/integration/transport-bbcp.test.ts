import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { inContext } from '../../src/core/decorators.js';
import * as errors from '../../src/core/exceptions.js';
import type { BbcpTarget } from '../../src/core/transport/bbcp-transport.js';
import { partName } from '../../src/core/transport/send-file.js';
import { fillDisk, withSmallDisk } from '../support/hostile-disk.js';
import { agents, processesIn, REAL_BBCP, untilLeftAlone, withBbcp, type BbcpLab } from './support/bbcp.js';
import type { TestSshd } from './support/sshd.js';
import {
  assertArrived,
  behavesLikeATransport,
  sendHalf,
  withShipment,
  type RunOnTransport,
  type Shipment,
} from './support/transport-behaviour.js';

const MIB = 1024 * 1024;
/** So slow that bbcp tells of progress before a file of the tests is over. */
const SLOW = { maxBytesPerSecond: 6 * MIB };

function over(change: (sshd: TestSshd) => Partial<BbcpTarget> = () => ({})): RunOnTransport {
  return (directory, run) => withBbcp(directory, change, ({ transport }) => run(transport));
}

const part = (name: string, sha256: string) => partName(name, sha256, '.bbcp');
behavesLikeATransport('bbcp', over(), { slowly: over(() => SLOW), part });

/** Sends, and says so when bytes have moved. */
const WORKER = `
  const { BbcpTransport } = await import(${JSON.stringify(new URL('../../src/core/transport/bbcp-transport.js', import.meta.url).href)});
  const [target, request] = JSON.parse(process.env.SEND);
  const onProgress = (bytes) => { if (bytes > 0) process.stdout.write('.'); };
  await new BbcpTransport(target).send({ ...request, onProgress });
`;

/** With what stands around the transport at hand. */
function withLab(
  t: TestContext,
  bytes: number,
  run: (shipment: Shipment, lab: BbcpLab) => Promise<void>,
  change: (sshd: TestSshd, program: string) => Partial<BbcpTarget> = () => SLOW,
): Promise<void> {
  let lab: BbcpLab | undefined;
  const onTransport: RunOnTransport = (directory, use) =>
    withBbcp(directory, change, (one) => {
      lab = one;
      return use(one.transport);
    });
  return withShipment(t, onTransport, bytes, (shipment) => run(shipment, lab as BbcpLab));
}

/** Sends, and does something once half of it is there. */
async function sendWith({ transport, request }: Shipment, act: () => void) {
  let done = false;
  const onProgress = (bytes: number) => {
    if (done || bytes < request.bytes / 3) return;
    done = true;
    act();
  };
  return transport.send({ ...request, onProgress });
}

test('bbcp: progress is what its lines tell, and its lines are kept in the log', (t) =>
  withLab(t, 18 * MIB, async ({ transport, request }) => {
    const [told, notes]: [number[], string[]] = [[], []];
    const send = inContext({ fields: {}, note: (line) => notes.push(line) }, () =>
      transport.send({ ...request, onProgress: (bytes) => told.push(bytes) }),
    );
    await send();
    assert.ok(told.length >= 2, `told ${told.join(', ')}`);
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
    const log = notes.join('\n');
    assert.match(log, /-a -k -- /);
    assert.match(log, /^bbcp: Appending to .+ at offset 0$/m);
    assert.match(log, /^File .+ created; 18874368 bytes at /m);
  }));

test('bbcp: where only this end can be connected to, a cut copy goes on all the same', (t) =>
  withLab(
    t,
    18 * MIB,
    async (shipment) => {
      await sendHalf(shipment);
      await untilLeftAlone(shipment.to);
      const notes: string[] = [];
      const send = inContext({ fields: {}, note: (line) => notes.push(line) }, () =>
        shipment.transport.send(shipment.request),
      );
      const { bytesSent } = await send();
      assert.match(notes.join('\n'), / -z -a -k -- /);
      assert.ok(bytesSent < shipment.request.bytes, `${bytesSent} bytes were sent`);
      assertArrived(shipment);
    },
    (_, program) => ({
      ...SLOW,
      bbcp: { program, remoteProgram: program, streams: 4, reverse: true },
    }),
  ));

test('bbcp: an aborted send leaves nothing running, at neither end', (t) =>
  withLab(t, 18 * MIB, async (shipment) => {
    await sendHalf(shipment);
    assert.deepEqual(agents(), []);
    await untilLeftAlone(shipment.to);
    const size = () => statSync(join(shipment.to, readdirSync(shipment.to)[0] ?? '')).size;
    const left = size();
    assert.ok(left < shipment.request.bytes);
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
  }));

test('bbcp: an agent that is killed, or crashes, takes all of its copy with it', (t) =>
  withLab(t, 18 * MIB, async (shipment) => {
    for (const [signal, Class] of [
      ['SIGKILL', errors.BBCPError],
      ['SIGSEGV', errors.SegmentationFaultError],
    ] as const) {
      const kill = () => {
        assert.equal(agents().length, 1);
        agents().forEach((pid) => process.kill(pid, signal));
      };
      await assert.rejects(sendWith(shipment, kill), Class);
      await untilLeftAlone(shipment.to);
      assert.ok(!readdirSync(shipment.to).includes(shipment.request.name));
    }
    const { bytesSent } = await shipment.transport.send(shipment.request);
    assert.ok(bytesSent < shipment.request.bytes);
    assertArrived(shipment);
  }));

test('bbcp: a worker that is killed takes its copies with it, at both ends', (t) =>
  withLab(t, 18 * MIB, async (shipment, { target }) => {
    const worker = spawn(process.execPath, ['--input-type=module', '--eval', WORKER], {
      env: { ...process.env, SEND: JSON.stringify([target, shipment.request]) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(worker.stdout, 'data');
    assert.ok(processesIn(shipment.to).length > 0);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await untilLeftAlone(shipment.to);
    assert.ok(!readdirSync(shipment.to).includes(shipment.request.name));
    assert.ok((await shipment.transport.send(shipment.request)).bytesSent < shipment.request.bytes);
    assertArrived(shipment);
  }));

test('bbcp: a target that is killed at the other end fails the send, and the next one goes on', (t) =>
  withLab(t, 18 * MIB, async (shipment) => {
    const kill = () => processesIn(shipment.to).forEach((pid) => process.kill(pid, 'SIGKILL'));
    await assert.rejects(sendWith(shipment, kill), (error: errors.CCATDataOperationError) => {
      assert.ok(error.retryable, String(error));
      assert.equal(error.subject, shipment.request.name);
      return true;
    });
    assert.deepEqual(agents(), []);
    assert.ok((await shipment.transport.send(shipment.request)).bytesSent < shipment.request.bytes);
    assertArrived(shipment);
  }));

test('bbcp: a file that is not the one of the cut copy any more is sent anew', (t) =>
  withLab(t, 18 * MIB, async (shipment, { fault }) => {
    const { transport, request } = shipment;
    await sendHalf(shipment);
    // bbcp knows it by its place on the disk and its time.
    copyFileSync(request.file, `${request.file}.copy`);
    const copied = { ...request, file: `${request.file}.copy` };
    utimesSync(copied.file, 1, 1);
    fault({
      afterBytes: 0,
      says: 'bbcp: File %P changed since the copy completed; append not possible.',
      exits: 22,
    });
    await assert.rejects(transport.send(copied), errors.DestinationFileExistsError);
    fault(undefined);
    assert.deepEqual(readdirSync(shipment.to), []);
    assert.equal((await transport.send(copied)).bytesSent, request.bytes);
    assertArrived(shipment);
  }));

test('bbcp: a disk that fills up in the middle stops the send, which goes on once there is space', (t) => {
  const onSmallDisk: RunOnTransport = (directory, run) =>
    withSmallDisk(directory, 32 * MIB, () => over(() => SLOW)(directory, run));
  return withShipment(t, onSmallDisk, 18 * MIB, async (shipment) => {
    const filler = join(shipment.to, 'of-somebody-else');
    await assert.rejects(
      sendWith(shipment, () => fillDisk(filler)),
      (error: errors.StorageError) => {
        assert.equal(error.name, 'StorageError');
        assert.equal(error.retryAfterSeconds, 30);
        return true;
      },
    );
    assert.ok(!readdirSync(shipment.to).includes(shipment.request.name));
    rmSync(filler);
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
  });
});

test('bbcp: a program that is missing, here or there, is a matter of configuration', (t) =>
  withShipment(t, over(), MIB, async ({ request, to }) => {
    for (const missing of ['program', 'remoteProgram'])
      await withBbcp(
        to,
        (_sshd, program) => ({ bbcp: { program, remoteProgram: program, [missing]: '/nowhere/bbcp' } }),
        ({ transport }) => assert.rejects(transport.send(request), errors.ConfigurationError, missing),
      );
    assert.deepEqual(readdirSync(to), []);
  }));

test('bbcp: a host that is not there, or whose key is not known, is told before anything is copied', (t) =>
  withShipment(
    t,
    over(() => ({ port: 1 })),
    MIB,
    async ({ transport, request, to }) => {
      await assert.rejects(transport.send(request), errors.NetworkError);
      await withBbcp(
        to,
        (sshd) => ({ knownHostsFile: sshd.knownHosts() }),
        (lab) => assert.rejects(lab.transport.send(request), errors.ConfigurationError),
      );
      assert.deepEqual(readdirSync(to), []);
    },
  ));

test('bbcp: a path that could mean anything else to a shell is refused', (t) =>
  withShipment(t, over(), MIB, async ({ transport, request, to }) => {
    const file = join(request.file, '..', '$(touch pwned) a.tar');
    copyFileSync(request.file, file);
    await assert.rejects(transport.send({ ...request, file }), errors.PermanentError);
    assert.deepEqual(readdirSync(to), []);
  }));

if (REAL_BBCP === undefined)
  test('bbcp: bytes that were damaged on the way are told as such', (t) =>
    withLab(t, 18 * MIB, async (shipment, { fault }) => {
      fault({ afterBytes: MIB, says: 'bbcp: %P xfr checksum error at offset 65536', exits: 1 });
      await assert.rejects(shipment.transport.send(shipment.request), errors.ChecksumVerificationError);
      assert.ok(!readdirSync(shipment.to).includes(shipment.request.name));
    }));
