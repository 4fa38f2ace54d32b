import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Cleanup } from './cleanup.js';

/** A line to a port of this machine that counts what goes over it. */
export interface CountedLink {
  port: number;
  /** Bytes that went to the server so far. */
  sent(): number;
  /** Lets nothing through until mended: connections break, new ones are refused. */
  cut(): void;
  mend(): void;
}

/** Opens a counted line to a port; closed when the test ends. */
export async function countedLink(cleanup: Cleanup, port: number): Promise<CountedLink> {
  const sockets = new Set<Socket>();
  let [sent, isCut] = [0, false];
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    near.on('data', (data: Buffer) => (sent += data.length));
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  cleanup.after(async () => {
    server.close();
    breakAll();
    await once(server, 'close');
  });
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    cut: () => {
      isCut = true;
      breakAll();
    },
    mend: () => (isCut = false),
  };
}
