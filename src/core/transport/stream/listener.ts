import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { siteOfCertificate } from '../../certificates/certificates.js';
import type { CCATDataOperationError } from '../../exceptions.js';
import { ConfigurationError, DataTransferError } from '../../exceptions.js';
import { Callers } from './callers.js';
import { StreamConnection, type Peer } from './connection.js';
import { PROTOCOL } from './frames.js';
import { ownSite, secured, type StreamIdentity } from './identity.js';
import { requireProtocol } from './protocol.js';
import type { StreamReceiver } from './receiver.js';
import { classifyTlsError, refused, whyUntrusted } from './tls-errors.js';

const HANDSHAKE_MS = 30_000;
/** Who has not gone by himself this long after the goodbye is thrown out. */
const GOODBYE_MS = 3000;
/** More than all transfers of a worker need. */
const MOST_CONNECTIONS = 2000;

export interface ListenerOptions {
  host: string;
  /** 0 takes one that is free. */
  port: number;
  identity: StreamIdentity;
  /** Who takes what others send; without it their connections are refused. */
  receiver?: StreamReceiver;
  /** Told of connections that were refused or broke the rules. */
  onProblem?: (problem: CCATDataOperationError) => void;
  silenceMs?: number;
}

/**
 * The door of a worker: takes the data connections of senders, the standing connections of receivers that can't be dialled, and the data
 * connections that these dial when they are called. Nobody is heard without a certificate of our authority that names a site.
 */
export class StreamListener {
  /** Of whom this listener is. */
  readonly site: string;
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #callers = new Callers();
  readonly #connections = new Set<StreamConnection>();
  readonly #sockets = new Set<Socket>();
  #revoked: string | undefined;

  private constructor(options: ListenerOptions) {
    this.site = ownSite(options.identity);
    this.#options = options;
    this.#revoked = options.identity.revoked?.join('');
    // Whom we do not trust is told so in a frame: an end that TLS turns away learns nothing but that the connection is gone.
    this.#server = createServer(
      {
        ...secured(options.identity),
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_MS,
      },
      (socket) => void this.#welcome(socket),
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (error, socket) => {
      const address = socket.remoteAddress ?? 'somebody';
      socket.destroy();
      options.onProblem?.(classifyTlsError(error, address));
    });
  }

  /**
   * @throws ConfigurationError for an identity or an address that can't be used
   */
  static async open(options: ListenerOptions): Promise<StreamListener> {
    const listener = new StreamListener(options);
    const address = `${options.host}:${options.port}`;
    try {
      listener.#server.listen(options.port, options.host);
      await once(listener.#server, 'listening');
    } catch (cause) {
      throw new ConfigurationError(`can not listen at ${address}: ${(cause as Error).message}`, {
        subject: address,
        advice: 'Correct the address of the stream listener, or end what else listens there.',
        cause,
      });
    }
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sites whose workers keep a standing connection to us. */
  get callable(): string[] {
    return this.#callers.sites;
  }

  /** A data connection that a worker of this site dials, which has a standing connection to us, with `hello` said as the sender. */
  async call(site: string, location: string, signal?: AbortSignal): Promise<StreamConnection> {
    const connection = await this.#callers.call(site, signal);
    connection.write('hello', { protocol: PROTOCOL, role: 'sender', location }).catch(() => undefined);
    return connection;
  }

  /** A new certificate, for the connections from now on. Where others are revoked than before all connections end: who may, comes again. */
  renew(identity: StreamIdentity): void {
    this.#server.setSecureContext(secured(identity));
    const revoked = identity.revoked?.join('');
    if (revoked === this.#revoked) return;
    this.#revoked = revoked;
    for (const connection of this.#connections) connection.close();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.close();
    const patience = setTimeout(() => this.#destroyAll(), GOODBYE_MS);
    await closed;
    clearTimeout(patience);
  }

  /** Also those that never came to shake hands, or went away while they did. */
  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #welcome(socket: TLSSocket): Promise<void> {
    const certificate = socket.getPeerX509Certificate();
    const site = certificate === undefined ? undefined : siteOfCertificate(certificate);
    const address = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    const peer: Peer = { site: site ?? '', name: `${site ?? 'somebody'} at ${address}` };
    const connection = new StreamConnection(socket, peer, this.#options.silenceMs);
    this.#connections.add(connection);
    connection.onEnd(() => this.#connections.delete(connection));
    try {
      this.#requireTrust(socket, certificate !== undefined, site);
      await this.#serve(connection);
    } catch (error) {
      const problem = classifyTlsError(error, peer.name);
      if (connection.failure === undefined) await connection.refuse(problem);
      this.#options.onProblem?.(problem);
    }
  }

  #requireTrust(socket: TLSSocket, hasCertificate: boolean, site: string | undefined): void {
    const us = `${this.site}'s listener`;
    if (!hasCertificate) throw refused(us, 'there was none');
    if (!socket.authorized) throw refused(us, whyUntrusted(codeOf(socket.authorizationError)));
    if (site === undefined) throw refused(us, 'it names no site');
  }

  async #serve(connection: StreamConnection): Promise<void> {
    const hello = await connection.next();
    if (hello === undefined) return;
    if (hello.type !== 'hello') throw new DataTransferError(`${connection.peer.name} did not say hello`);
    requireProtocol(hello.header, connection.peer.name);
    switch (hello.header.role) {
      case 'sender':
        if (this.#options.receiver === undefined)
          throw new ConfigurationError(`the worker of ${this.site} takes nothing over the stream transport`, {
            subject: this.site,
            advice: 'Correct the route: its other end is no worker of the destination.',
          });
        return this.#options.receiver.serve(connection, hello.header);
      case 'receiver': {
        this.#callers.answered(hello.header.ticket, connection);
        return;
      }
      case 'standing':
        return this.#callers.keep(connection);
    }
  }
}

/** Node gives the code alone, whatever its types say. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : ((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
