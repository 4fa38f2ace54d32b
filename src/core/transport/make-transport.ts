import { BbcpTransport } from './bbcp-transport.js';
import { LocalTransport } from './local-transport.js';
import { SftpTransport } from './sftp-transport.js';
import type { Transport, TransportTarget } from './transport.js';

/** The transport that a route asks for. Nothing is opened before the first `send`; the caller closes it. */
export function makeTransport(target: TransportTarget): Transport {
  switch (target.transport) {
    case 'local':
      return new LocalTransport(target.directory);
    case 'sftp':
      return new SftpTransport(target);
    case 'bbcp':
      return new BbcpTransport(target);
  }
}
