import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import type { StreamConnection } from '../../../../src/core/transport/stream/connection.js';
import type { Frame } from '../../../../src/core/transport/stream/frames.js';
import type { Sending } from '../../../../src/core/transport/stream/sending.js';
import { SendingStream } from '../../../../src/core/transport/stream/sending-stream.js';
import { WorkQueue, type Load } from '../../../../src/core/transport/stream/work-queue.js';

/** A connection whose socket takes all at once, and whose other end says what it is told to. */
class FakeConnection {
  readonly written: string[] = [];
  readonly peer = { site: 'far', name: 'far' };
  readonly bytesWritten = 0;
  failure: Error | undefined;
  readonly #ends: ((reason: Error) => void)[] = [];
  #hear: (frame: Frame | undefined) => void = () => undefined;

  onEnd(act: (reason: Error) => void): void {
    this.#ends.push(act);
  }

  write(type: string): Promise<void> {
    this.written.push(type);
    return Promise.resolve();
  }

  next(): Promise<Frame | undefined> {
    return new Promise((resolve) => (this.#hear = resolve));
  }

  says(frame: Frame): void {
    this.#hear(frame);
  }

  fail(reason: Error): void {
    this.failure ??= reason;
    for (const act of this.#ends) act(reason);
    this.#hear(undefined);
  }
}

const sending = {
  number: 1,
  isOver: false,
  request: { name: 'a.tar', bytes: 3, sha256: '' },
  lost: () => undefined,
} as unknown as Sending;

function piece(number: number): Load {
  const place = { number, offset: number, length: 1, sha256: '', wrong: 0 };
  return { sending, kind: 'piece', piece: place, body: Buffer.alloc(1), release: () => undefined };
}

function pieces({ written }: FakeConnection): number {
  return written.filter((type) => type === 'piece').length;
}

test('a stream leaves pieces to those that open after it until the other end has said something on it', async () => {
  const queue = new WorkQueue();
  const connections = [new FakeConnection(), new FakeConnection()] as const;
  const [first, second] = connections;
  for (const number of [1, 2, 3]) queue.push(piece(number));
  const ends = [new SendingStream(first as unknown as StreamConnection, queue).run()];
  await soon();
  assert.equal(pieces(first), 1);
  ends.push(new SendingStream(second as unknown as StreamConnection, queue).run());
  await soon();
  assert.deepEqual(connections.map(pieces), [1, 1]);
  first.says({ type: 'alive', header: {}, bodyBytes: 0 });
  await soon();
  assert.deepEqual(connections.map(pieces), [2, 1]);
  for (const connection of connections) connection.fail(new Error('the line is gone'));
  for (const end of await Promise.all(ends)) assert.equal(end.message, 'the line is gone');
});
