import { LocalTransport } from './local-transport.js';
import { SftpTransport } from './sftp-transport.js';
import type { Transport, TransportTarget } from './transport.js';

/** The transport that a route asks for. Nothing is opened before the first `send`; the caller closes it. */
export function makeTransport(target: TransportTarget): Transport {
  return target.transport === 'local' ? new LocalTransport(target.directory) : new SftpTransport(target);
}
