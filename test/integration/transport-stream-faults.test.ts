import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CertificateDirectory } from '../../src/core/certificates/certificate-directory.js';
import { ConfigurationError, NetworkError, PermanentError } from '../../src/core/exceptions.js';
import type { SendRequest } from '../../src/core/transport/transport.js';
import { secured } from '../../src/core/transport/stream/identity.js';
import { StreamReceiver } from '../../src/core/transport/stream/receiver.js';
import { countedLink } from '../support/link.js';
import { withCleanup, type Cleanup } from '../support/cleanup.js';
import { withScratch } from '../support/scratch.js';
import { dialled, foreign, identities, listenAtCologne, receiverInto } from './support/stream.js';

const MIB = 2 ** 20;

function around(
  t: TestContext,
  work: (places: { from: string; to: string; cleanup: Cleanup }) => Promise<void>,
): Promise<void> {
  return withScratch(t, (from) =>
    withScratch(t, (to) => withCleanup((cleanup) => work({ from, to, cleanup }))),
  );
}

function fileIn(directory: string, bytes: number, name = 'package.tar'): SendRequest {
  const content = randomBytes(bytes);
  const file = join(directory, name);
  writeFileSync(file, content);
  return { file, name, bytes, sha256: createHash('sha256').update(content).digest('hex') };
}

test('what the other end refuses for good is told once, however much is on the line already', (t) =>
  around(t, async ({ from, cleanup }) => {
    let asked = 0;
    const receiver = new StreamReceiver({
      directoryOf: () => {
        asked += 1;
        return Promise.reject(new PermanentError('nobody may write there'));
      },
    });
    const { port } = await listenAtCologne(cleanup, receiver);
    await assert.rejects(dialled(cleanup, port).send(fileIn(from, 96 * MIB)), PermanentError);
    assert.ok(asked <= 64, `asked ${asked} times`);
  }));

test('a line on which connections open and break at once is given up', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    const link = await countedLink(cleanup, port);
    const breaking = setInterval(() => {
      link.cut();
      link.mend();
    }, 20);
    cleanup.after(() => {
      clearInterval(breaking);
      return Promise.resolve();
    });
    link.slow(1000); // no answer ever comes through in time
    await assert.rejects(dialled(cleanup, link.port).send(fileIn(from, 4 * MIB)), NetworkError);
  }));

test('a certificate of another authority is refused by whoever meets it, as a matter of configuration', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const request = fileIn(from, 1000);
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    const stranger = dialled(cleanup, port, { identity: foreign.issue('chile') });
    await assert.rejects(stranger.send(request), ConfigurationError);

    const impostor = await listenAtCologne(cleanup, receiverInto(to), foreign.issue('cologne'));
    await assert.rejects(dialled(cleanup, impostor.port).send(request), ConfigurationError);

    const otherSite = await listenAtCologne(cleanup, receiverInto(to), identities.authority.issue('us'));
    await assert.rejects(dialled(cleanup, otherSite.port).send(request), ConfigurationError);
    assert.deepEqual(readdirSync(to), []);
  }));

test('a certificate that is revoked while workers run is refused at both ends, in words of its own, and what stood on it ends', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const path = join(from, 'certificates');
    const directory = new CertificateDirectory(path);
    await directory.init();
    for (const site of ['chile', 'cologne']) await directory.issue(site);
    const of = (site: string) => directory.credentials(site);
    const wasRevoked = (error: Error) =>
      error instanceof ConfigurationError && error.message.includes('it was revoked');
    const [chile, cologne] = [await of('chile'), await of('cologne')];
    const listener = await listenAtCologne(cleanup, receiverInto(to), cologne);
    const transport = dialled(cleanup, listener.port, { identity: chile });
    await transport.send(fileIn(from, 1000));

    await directory.revoke('chile');
    listener.renew(await of('cologne'));
    // The goodbye may cross what is said on the connections that stood.
    await assert.rejects(transport.send(fileIn(from, 2000)), (error: Error) => {
      return wasRevoked(error) || error instanceof NetworkError;
    });
    await assert.rejects(transport.send(fileIn(from, 2000)), wasRevoked);
    await directory.renew('chile', { newKey: true });
    await dialled(cleanup, listener.port, { identity: await of('chile') }).send(fileIn(from, 2000));

    await directory.revoke('cologne');
    await assert.rejects(
      dialled(cleanup, listener.port, { identity: await of('chile') }).send(fileIn(from, 3000)),
      wasRevoked,
    );
  }));

test('what comes over a line that is cut again and again is sent on from where it stands, and arrives whole', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const request = fileIn(from, 200 * MIB);
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    const link = await countedLink(cleanup, port);
    for (const share of [0.2, 0.5, 0.7]) {
      const transport = dialled(cleanup, link.port);
      const onProgress = (bytes: number) => {
        if (bytes >= share * request.bytes) link.cut();
      };
      await assert.rejects(transport.send({ ...request, onProgress }), NetworkError);
      await transport.close();
      link.mend();
    }
    const last = await dialled(cleanup, link.port).send(request);
    assert.ok(last.bytesSent < 0.35 * request.bytes, `${last.bytesSent} bytes were sent at last`);
    const arrived = createHash('sha256').update(readFileSync(join(to, request.name)));
    assert.equal(arrived.digest('hex'), request.sha256);
    assert.deepEqual(readdirSync(to), [request.name]);
  }));

test('two sendings of the same file at once do each other no harm', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const request = fileIn(from, 40 * MIB);
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    await Promise.all([1, 2].map(() => dialled(cleanup, port).send(request)));
    const arrived = createHash('sha256').update(readFileSync(join(to, request.name)));
    assert.equal(arrived.digest('hex'), request.sha256);
    assert.deepEqual(readdirSync(to), [request.name]);
  }));

test('two thousand small files go at once', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    const transport = dialled(cleanup, port);
    const requests = Array.from({ length: 2000 }, (_, number) =>
      fileIn(from, 1000 + number, `${number}.tar`),
    );
    let next = 0;
    const some = async () => {
      for (let one = requests[next++]; one !== undefined; one = requests[next++]) await transport.send(one);
    };
    await Promise.all(Array.from({ length: transport.parallelSends }, some));
    assert.equal(readdirSync(to).length, requests.length);
    for (const { name, sha256 } of requests.filter((_, number) => number % 100 === 0)) {
      const arrived = createHash('sha256').update(readFileSync(join(to, name)));
      assert.equal(arrived.digest('hex'), sha256);
    }
  }));

for (const [what, say] of Object.entries<(socket: TLSSocket) => void>({
  garbage: (socket) => void socket.write(randomBytes(200_000)),
  'a frame without end': (socket) => void socket.write(Buffer.alloc(64, 0xff)),
  'nothing but zeros': (socket) => void socket.write(Buffer.alloc(1_000_000)),
}))
  test(`a peer that sends ${what} is turned away, and the others are served on`, (t) =>
    around(t, async ({ from, to, cleanup }) => {
      const { port } = await listenAtCologne(cleanup, receiverInto(to));
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        servername: 'cologne.site.cdt.internal',
        ...secured(identities.chile),
      });
      socket.on('error', () => undefined); // to be thrown out is what it is here for
      await once(socket, 'secureConnect');
      const closed = once(socket, 'close');
      say(socket);
      socket.resume();
      await closed;
      await dialled(cleanup, port).send(fileIn(from, 1000));
      assert.deepEqual(readdirSync(to), ['package.tar']);
    }));

test('a file that is not what its digest says is published nowhere', (t) =>
  around(t, async ({ from, to, cleanup }) => {
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    for (const bytes of [1000, 20 * MIB]) {
      const request = { ...fileIn(from, bytes), sha256: 'ab'.repeat(32) };
      await assert.rejects(dialled(cleanup, port).send(request), { name: 'DataCorruptionError' });
    }
    assert.ok(!readdirSync(to).includes('package.tar'));
  }));
