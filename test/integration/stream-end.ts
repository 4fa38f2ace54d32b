import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DialledConnections } from '../../src/core/transport/stream/connections.js';
import type { StreamIdentity } from '../../src/core/transport/stream/identity.js';
import { StreamListener } from '../../src/core/transport/stream/listener.js';
import { StreamReceiver } from '../../src/core/transport/stream/receiver.js';
import { StreamTransport } from '../../src/core/transport/stream/stream-transport.js';
import type { SendRequest } from '../../src/core/transport/transport.js';

/** One end of a stream route as a process of its own, to be killed: `stream-end.js JSON`. What it has to say are lines of JSON. */
export type StreamEnd = { identity: StreamIdentity; port: number } & (
  | {
      role: 'receive';
      directory: string;
      /** Each write to its disk takes so many milliseconds. */
      writeMs?: number;
    }
  | { role: 'send'; request: SendRequest; streams: number }
);

/** What an end says. */
export interface Said {
  ready?: true;
  /** Bytes that the receiver has acknowledged. */
  acknowledged?: number;
  bytesSent?: number;
  /** Class of the error that ended it. */
  failed?: string;
}

const [given = '{}'] = process.argv.slice(2);
const end = JSON.parse(given) as StreamEnd;
const say = (said: Said) => void process.stdout.write(`${JSON.stringify(said)}\n`);
try {
  if (end.role === 'receive') await receive(end);
  else await send(end);
} catch (error) {
  say({ failed: (error as Error).name });
}

async function receive({
  identity,
  port,
  directory,
  writeMs,
}: Extract<StreamEnd, { role: 'receive' }>): Promise<void> {
  if (writeMs !== undefined) await slowDown(directory, writeMs);
  const receiver = new StreamReceiver({ directoryOf: () => Promise.resolve(directory) });
  await StreamListener.open({ host: '127.0.0.1', port, identity, receiver });
  say({ ready: true });
}

async function send({
  identity,
  port,
  request,
  streams,
}: Extract<StreamEnd, { role: 'send' }>): Promise<void> {
  const connections = new DialledConnections({ identity, site: 'cologne', host: '127.0.0.1', port });
  const transport = new StreamTransport({ connections, location: 'cologne.buffer', maxStreams: streams });
  try {
    const onProgress = (acknowledged: number) => say({ acknowledged });
    const { bytesSent } = await transport.send({ ...request, onProgress });
    say({ bytesSent });
  } finally {
    await transport.close();
  }
}

/** Makes every write of this process slow, as those to a disk that is at its limit. */
async function slowDown(directory: string, milliseconds: number): Promise<void> {
  const any = await open(directory);
  const handles = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  const write = Reflect.get(handles, 'write') as (...args: unknown[]) => Promise<unknown>;
  Object.assign(handles, {
    async write(this: FileHandle, ...args: unknown[]) {
      await sleep(milliseconds);
      return write.apply(this, args);
    },
  });
}
