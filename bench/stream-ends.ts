import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DialledConnections } from '../src/core/transport/stream/connections.js';
import type { StreamIdentity } from '../src/core/transport/stream/identity.js';
import { StreamTransport } from '../src/core/transport/stream/stream-transport.js';

/** The identity in a folder with `authority.pem`, `certificate.pem` and `key.pem`. */
export function readIdentity(folder: string): StreamIdentity {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return { authority: read('authority.pem'), certificate: read('certificate.pem'), key: read('key.pem') };
}

export interface FarEnd {
  /** HOST:PORT. */
  to: string;
  /** Folder of the identity. */
  identity: string;
  /** The site that must answer there. */
  site: string;
  /** A folder below that of the receiver. */
  location: string;
}

/** A transport to the receiver of `programs/stream-endpoints.ts`. */
export function transportTo({ to, identity, site, location }: FarEnd): StreamTransport {
  const { host, port } = hostAndPort(to);
  const connections = new DialledConnections({ identity: readIdentity(identity), site, host, port });
  return new StreamTransport({ connections, location });
}

export function hostAndPort(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
