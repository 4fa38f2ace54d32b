import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup.js';

/** A line to a port of this machine that counts what goes over it. */
export interface CountedLink {
  port: number;
  /** Bytes that went to the server so far. */
  sent(): number;
  /** Lets nothing through until mended: connections break, new ones are refused. */
  cut(): void;
  /** Lets no more than so many bytes per second through to the server, until mended: a line that drips. */
  slow(bytesPerSecond: number): void;
  mend(): void;
}

/** Opens a counted line to a port; closed when the test ends. */
export async function countedLink(cleanup: Cleanup, port: number): Promise<CountedLink> {
  const sockets = new Set<Socket>();
  let [sent, isCut, most] = [0, false, Infinity];
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    near.on('data', (data: Buffer) => (sent += data.length));
    pipeline(near, (chunks: AsyncIterable<Buffer>) => dripping(chunks, () => most), far).catch(ignore);
    far.pipe(near);
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
    slow: (bytesPerSecond) => (most = bytesPerSecond),
    mend: () => ([isCut, most] = [false, Infinity]),
  };
}

/** Passes on what comes in, a tenth of a second's share at a time. */
async function* dripping(chunks: AsyncIterable<Buffer>, most: () => number): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const share = Math.min(chunk.length - at, Math.max(1, Math.floor(most() / 10)));
      yield chunk.subarray(at, at + share);
      at += share;
      if (most() !== Infinity) await sleep(100);
    }
  }
}

/** How a line ends is told by its two ends. */
function ignore(): void {
  // Nothing to do.
}
