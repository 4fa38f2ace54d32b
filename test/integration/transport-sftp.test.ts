import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as errors from '../../src/core/exceptions.js';
import { makeTransport } from '../../src/core/transport/make-transport.js';
import type { SftpTarget } from '../../src/core/transport/sftp-connection.js';
import { inDoubt } from '../../src/core/transport/sftp-file.js';
import { makeKey, publicKey, withLink, withSshd, type Link, type TestSshd } from './support/sshd.js';
import {
  assertArrived,
  behavesLikeATransport,
  sendHalf,
  withShipment,
  type RunOnTransport,
  type Shipment,
} from './support/transport-behaviour.js';

const MIB = 1024 * 1024;

/** A way to a server of the test's own, with changes to how it is reached. */
function over(
  change: (sshd: TestSshd) => Partial<SftpTarget> = () => ({}),
  options?: { readOnly: boolean },
): RunOnTransport {
  return (directory, run) =>
    withSshd(async (sshd) => {
      const transport = makeTransport(sshd.target(directory, change(sshd)));
      try {
        await run(transport);
      } finally {
        await transport.close();
      }
    }, options);
}

behavesLikeATransport('sftp', over());

/** The same over a line that the test can end. */
const overLink = (t: TestContext, bytes: number, run: (shipment: Shipment, link: Link) => Promise<void>) =>
  withSshd((sshd) =>
    withLink(sshd.port, (link) => {
      const onLink: RunOnTransport = async (directory, use) => {
        const transport = makeTransport(sshd.target(directory, { port: link.port }));
        try {
          await use(transport);
        } finally {
          await transport.close();
        }
      };
      return withShipment(t, onLink, bytes, (shipment) => run(shipment, link));
    }),
  );

/** With the server at hand. */
const withServer = (
  t: TestContext,
  bytes: number,
  run: (shipment: Shipment, sshd: TestSshd) => Promise<void>,
) => {
  let server: TestSshd | undefined;
  const onServer = over((sshd) => {
    server = sshd;
    return {};
  });
  return withShipment(t, onServer, bytes, (shipment) => run(shipment, server as TestSshd));
};

test('sftp: a line that is cut in the middle is a network error, and the next send goes on where it stood', (t) =>
  overLink(t, 24 * MIB, async (shipment, link) => {
    link.endAfter(10 * MIB, 'cut');
    await assert.rejects(shipment.transport.send(shipment.request), errors.NetworkError);
    link.endAfter(Infinity, 'cut');
    const { bytesSent } = await shipment.transport.send(shipment.request);
    assert.ok(bytesSent < 24 * MIB && bytesSent > 0, `${bytesSent} bytes were sent again`);
    assertArrived(shipment);
  }));

test('sftp: a send on a line that fell silent ends when it is aborted, and the next one gets through', (t) =>
  overLink(t, 24 * MIB, async (shipment, link) => {
    const abort = new AbortController();
    const reason = new Error('no byte moved');
    link.endAfter(10 * MIB, 'silent');
    const onProgress = () => setTimeout(() => abort.abort(reason), 1000).unref();
    await assert.rejects(
      shipment.transport.send({ ...shipment.request, signal: abort.signal, onProgress }),
      reason,
    );
    link.endAfter(Infinity, 'cut');
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
  }));

/** Of a size that is sent over several connections. */
const LARGE = 160 * MIB;

test('sftp: a large file goes over several connections at once, each byte once', (t) =>
  overLink(t, LARGE, async (shipment, link) => {
    let paced = 0;
    const told: number[] = [];
    const pace = (bytes: number) => Promise.resolve(void (paced += bytes));
    const onProgress = (bytes: number) => told.push(bytes);
    const result = await shipment.transport.send({ ...shipment.request, pace, onProgress });
    assert.deepEqual(result, { bytesSent: LARGE, alreadyThere: false });
    assertArrived(shipment);
    assert.ok(link.opened() > 4, `${link.opened()} connections`);
    assert.equal(paced, LARGE);
    assert.equal(told.at(-1), LARGE);
  }));

test('sftp: a server that gives one connection only gets a large file over that', (t) =>
  overLink(t, LARGE, async (shipment, link) => {
    link.refuseFrom(1);
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
    assert.equal(link.opened(), 1);
  }));

test('sftp: large files at once share the connections that a server is asked for', (t) =>
  overLink(t, LARGE, async (shipment, link) => {
    const { transport, request } = shipment;
    const names = ['1.tar', '2.tar', '3.tar', '4.tar', '5.tar'];
    await Promise.all(names.map((name) => transport.send({ ...request, name })));
    assert.deepEqual(readdirSync(shipment.to), names);
    assert.ok(names.every((name) => readFileSync(join(shipment.to, name)).equals(shipment.content)));
    assert.ok(link.opened() <= 16, `${link.opened()} connections`);
  }));

test('sftp: one of several connections that is cut ends the send, which goes on from what is whole', (t) =>
  overLink(t, LARGE, async (shipment, link) => {
    let done = 0;
    link.endAfter(LARGE / 10, 'cut');
    const onProgress = (bytes: number) => void (done = bytes);
    await assert.rejects(shipment.transport.send({ ...shipment.request, onProgress }), errors.NetworkError);
    link.endAfter(Infinity, 'cut');
    const { bytesSent } = await shipment.transport.send(shipment.request);
    // What may have gaps before the end of the partial file is sent again, no more.
    assert.ok(bytesSent <= LARGE - done + inDoubt(LARGE), `${bytesSent} after ${done}`);
    assert.ok(bytesSent < LARGE);
    assertArrived(shipment);
  }));

test('sftp: two attempts at once with a large file, one of them aborted, leave one good file', (t) =>
  withShipment(t, over(), LARGE, async (shipment) => {
    const { transport, request } = shipment;
    await Promise.all([transport.send(request), sendHalf(shipment)]);
    assertArrived(shipment);
  }));

test('sftp: a server whose processes are killed is a network error, and the next send goes on', (t) =>
  withServer(t, LARGE, async (shipment, sshd) => {
    let killed = false;
    const onProgress = (bytes: number) => {
      if (killed || bytes < LARGE / 2) return;
      killed = true;
      sshd.killSessions();
    };
    await assert.rejects(shipment.transport.send({ ...shipment.request, onProgress }), errors.NetworkError);
    assert.ok((await shipment.transport.send(shipment.request)).bytesSent < LARGE);
    assertArrived(shipment);
  }));

test('sftp: closing the transport ends a send that is on its way', (t) =>
  withShipment(t, over(), 24 * MIB, async ({ transport, request }) => {
    const onProgress = () => void transport.close();
    await assert.rejects(transport.send({ ...request, onProgress }), errors.NetworkError);
  }));

test('sftp: a server that is not there is a network error', (t) =>
  withShipment(
    t,
    over(() => ({ port: 1 })),
    MIB,
    async ({ transport, request }) => {
      await assert.rejects(transport.send(request), errors.NetworkError);
    },
  ));

test('sftp: a host name that does not exist is a network error', (t) =>
  withShipment(
    t,
    over(() => ({ host: 'no-such-host.invalid' })),
    MIB,
    async ({ transport, request }) => {
      await assert.rejects(transport.send(request), errors.NetworkError);
    },
  ));

const refusedHosts: [string, string, (sshd: TestSshd) => string[]][] = [
  ['not listed', 'unknown', () => []],
  ['listed for another port only', 'unknown', ({ hostKey }) => [`127.0.0.1 ${hostKey}`]],
  [
    'listed with another key',
    'changed',
    ({ directory, port }) => {
      makeKey(join(directory, 'other_key'));
      return [`[127.0.0.1]:${port} ${publicKey(join(directory, 'other_key'))}`];
    },
  ],
  ['revoked', 'revoked', ({ hostKey, port }) => [`@revoked * ${hostKey}`, `[127.0.0.1]:${port} ${hostKey}`]],
];
for (const [how, verdict, lines] of refusedHosts) {
  test(`sftp: a host whose key is ${how} is refused, and its fingerprint is told`, (t) => {
    let printed = '';
    const onTransport = over((sshd) => {
      printed = execFileSync('ssh-keygen', ['-l', '-f', join(sshd.directory, 'host_key.pub')], {
        encoding: 'utf8',
      });
      return { knownHostsFile: sshd.knownHosts(...lines(sshd)) };
    });
    return withShipment(t, onTransport, MIB, async ({ transport, request, to }) => {
      await assert.rejects(transport.send(request), (error: errors.ConfigurationError) => {
        assert.equal(error.name, 'ConfigurationError');
        assert.equal(error.context['verdict'], verdict);
        assert.ok(printed.includes(error.context['fingerprint'] as string));
        return true;
      });
      assert.deepEqual(readdirSync(to), []);
    });
  });
}

test('sftp: a host that is listed by its hash, as ssh-keygen -H writes it, is trusted', (t) => {
  const hashed = over((sshd) => {
    const path = sshd.knownHosts(`[127.0.0.1]:${sshd.port} ${sshd.hostKey}`);
    execFileSync('ssh-keygen', ['-H', '-f', path], { stdio: 'ignore' });
    return { knownHostsFile: path };
  });
  return withShipment(t, hashed, MIB, async (shipment) => {
    await shipment.transport.send(shipment.request);
    assertArrived(shipment);
  });
});

test('sftp: a user key that the server does not know is a matter of configuration', (t) => {
  const stranger = over(({ directory }) => {
    makeKey(join(directory, 'strange_key'));
    return { identityFile: join(directory, 'strange_key') };
  });
  return withShipment(t, stranger, MIB, async ({ transport, request }) => {
    await assert.rejects(transport.send(request), { name: 'ConfigurationError', message: /refused our key/ });
  });
});

test('sftp: a private key that is missing or is none is a matter of configuration, and is never shown', (t) => {
  const broken = over(({ directory }) => {
    writeFileSync(join(directory, 'no_key'), 'sesame');
    return { identityFile: join(directory, 'no_key') };
  });
  const missing = over(() => ({ identityFile: '/nowhere/key' }));
  return withShipment(t, broken, MIB, async ({ transport, request, to }) => {
    await assert.rejects(transport.send(request), (error: Error) => {
      assert.equal(error.name, 'ConfigurationError');
      assert.ok(!JSON.stringify(error).includes('sesame') && !error.message.includes('sesame'));
      return true;
    });
    await missing(to, async (other) => {
      await assert.rejects(other.send(request), { name: 'ConfigurationError', message: /ENOENT/ });
    });
  });
});

test('sftp: a directory that may not be written is a permanent error', (t) =>
  withShipment(t, over(undefined, { readOnly: true }), MIB, async ({ transport, request, to }) => {
    await assert.rejects(transport.send(request), errors.PermanentError);
    assert.deepEqual(readdirSync(to), []);
  }));

test('sftp: a file of the same size counts as there; the destination verifies it', (t) =>
  withShipment(t, over(), MIB, async ({ transport, request, to }) => {
    writeFileSync(join(to, request.name), Buffer.alloc(MIB));
    assert.deepEqual(await transport.send(request), { bytesSent: 0, alreadyThere: true });
  }));
