import type { TcpNetConnectOpts } from 'node:net';
import {
  createSecureContext,
  connect,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { certificateName } from '../../certificates/certificates.js';
import { NetworkError, ServiceUnavailableError } from '../../exceptions.js';
import { StreamConnection } from './connection.js';
import { PROTOCOL, type HeaderOf } from './frames.js';
import { secured, type StreamIdentity } from './identity.js';
import { classifyTlsError } from './tls-errors.js';

/** TCP and TLS together may take so long. */
const HANDSHAKE_MS = 30_000;

/** Where the listener of a site is, and who calls. */
export interface Dialled {
  identity: StreamIdentity;
  /** The site that must answer there. */
  site: string;
  host: string;
  port: number;
  /** How long the other end may say nothing, in milliseconds. */
  silenceMs?: number;
}

/**
 * Opens a connection to the listener of a site, and says hello; what the listener thinks of us is heard with the first frame it sends.
 *
 * @throws ConfigurationError where another site answers, or one whose certificate is not of our authority
 * @throws NetworkError where nobody can be reached; ServiceUnavailableError where somebody is there and does not shake hands
 */
export async function dial(
  { identity, site, host, port, silenceMs }: Dialled,
  hello: Omit<HeaderOf<'hello'>, 'protocol'>,
  signal?: AbortSignal,
): Promise<StreamConnection> {
  signal?.throwIfAborted();
  const name = `${site} at ${host}:${port}`;
  const options: ConnectionOptions & TcpNetConnectOpts = {
    host,
    port,
    servername: certificateName(site),
    secureContext: contextOf(identity),
    // A line may have a round trip of half a second: the next address of a name is not tried before that.
    autoSelectFamilyAttemptTimeout: 5000,
  };
  const socket = connect(options);
  await shakeHands(socket, name, Math.min(HANDSHAKE_MS, silenceMs ?? HANDSHAKE_MS), signal);
  const connection = new StreamConnection(socket, { site, name }, silenceMs);
  connection.write('hello', { protocol: PROTOCOL, ...hello }).catch(() => undefined); // whoever reads hears of it
  return connection;
}

function shakeHands(
  socket: TLSSocket,
  peer: string,
  mostMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const onAbort = () => end(signal?.reason as Error);
    const timer = setTimeout(() => end(tooSlow(peer, mostMs / 1000, isConnected)), mostMs);
    const onError = (error: Error) => end(classifyTlsError(error, peer));
    const end = (failure?: Error) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (failure === undefined) {
        socket.off('error', onError);
        resolve();
        return;
      }
      socket.destroy();
      reject(failure);
    };
    signal?.addEventListener('abort', onAbort);
    socket.on('connect', () => (isConnected = true));
    socket.on('error', onError);
    socket.on('secureConnect', () => end());
  });
}

function tooSlow(peer: string, seconds: number, isConnected: boolean): Error {
  return isConnected
    ? new ServiceUnavailableError(
        `${peer} took the connection, but did not shake hands within ${seconds} s`,
        {
          subject: peer,
          advice: 'Look at the worker there: it hangs, or something else answers at this address.',
        },
      )
    : new NetworkError(`${peer} could not be reached within ${seconds} s`, {
        subject: peer,
        advice: 'Look at the line, the firewalls and the address.',
      });
}

const contexts = new WeakMap<StreamIdentity, SecureContext>();

/** Certificates are read once for each identity, not for each connection. */
function contextOf(identity: StreamIdentity): SecureContext {
  const known = contexts.get(identity);
  if (known !== undefined) return known;
  const made = createSecureContext(secured(identity));
  contexts.set(identity, made);
  return made;
}
