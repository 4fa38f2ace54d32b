import type { Cleanup } from '../../support/cleanup.js';
import { withCleanup } from '../../support/cleanup.js';
import { DialIn } from '../../../src/core/transport/stream/dial-in.js';
import { AwaitedConnections, DialledConnections } from '../../../src/core/transport/stream/connections.js';
import type { StreamIdentity } from '../../../src/core/transport/stream/identity.js';
import { StreamListener } from '../../../src/core/transport/stream/listener.js';
import { StreamReceiver } from '../../../src/core/transport/stream/receiver.js';
import { StreamTransport } from '../../../src/core/transport/stream/stream-transport.js';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../support/certificates.js';
import { removeTree } from '../../support/scratch.js';
import type { RunOnTransport } from './transport-behaviour.js';

export const LOCATION = 'cologne.buffer';

/** The identities of both sites, made once: of the authority of this installation, and of another. */
export interface Identities {
  chile: StreamIdentity;
  cologne: StreamIdentity;
  authority: TestAuthority;
}

const directory = mkdtempSync(join(tmpdir(), 'cdt-test-certificates-'));
process.on('exit', () => removeTree(directory));
const authority = new TestAuthority(join(directory, 'own'));
export const identities: Identities = {
  authority,
  chile: authority.issue('chile'),
  cologne: authority.issue('cologne'),
};
/** Of another authority, that calls itself by the same names. */
export const foreign = new TestAuthority(join(directory, 'foreign'));

/** A receiver whose location is this directory. */
export function receiverInto(directory: string, memoryBytes?: number): StreamReceiver {
  return new StreamReceiver({ directoryOf: () => Promise.resolve(directory), memoryBytes });
}

/** The door of Cologne, closed when the test is over. */
export async function listenAtCologne(
  cleanup: Cleanup,
  receiver: StreamReceiver,
  identity = identities.cologne,
  silenceMs?: number,
): Promise<StreamListener> {
  const listener = await StreamListener.open({ host: '127.0.0.1', port: 0, identity, receiver, silenceMs });
  cleanup.after(() => listener.close());
  return listener;
}

/** A transport from Chile to what listens at a port. */
export function dialled(
  cleanup: Cleanup,
  port: number,
  {
    identity = identities.chile,
    maxStreams = 8,
    silenceMs,
  }: { identity?: StreamIdentity; maxStreams?: number; silenceMs?: number } = {},
): StreamTransport {
  const connections = new DialledConnections({
    identity,
    site: 'cologne',
    host: '127.0.0.1',
    port,
    silenceMs,
  });
  const transport = new StreamTransport({ connections, location: LOCATION, maxStreams });
  cleanup.after(() => transport.close());
  return transport;
}

/** The sender dials. */
export const onDialled: RunOnTransport = (to, run) =>
  withCleanup(async (cleanup) => {
    const { port } = await listenAtCologne(cleanup, receiverInto(to));
    await run(dialled(cleanup, port));
  });

/** The receiver dials in. */
export const onAwaited: RunOnTransport = (to, run) =>
  withCleanup(async (cleanup) => {
    const listener = await StreamListener.open({ host: '127.0.0.1', port: 0, identity: identities.chile });
    cleanup.after(() => listener.close());
    const dialIn = new DialIn({
      identity: identities.cologne,
      site: 'chile',
      host: '127.0.0.1',
      port: listener.port,
      receiver: receiverInto(to),
    });
    cleanup.after(() => dialIn.close());
    const transport = new StreamTransport({
      connections: new AwaitedConnections(listener, 'cologne'),
      location: LOCATION,
      maxStreams: 8,
    });
    cleanup.after(() => transport.close());
    await run(transport);
  });
