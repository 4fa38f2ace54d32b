import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Window } from '../../../../src/core/transport/stream/window.js';

const TICK_MS = 10;
const MB = 1e6;

/** A line as it is: bytes per millisecond, and milliseconds until an answer comes where nothing waits in its queue. */
interface Line {
  rate: number;
  latency: number;
  /** Bytes per millisecond that there are to be sent; more than the line takes where nothing is said. */
  offered?: number;
  /** Every four seconds half of the answers wait for so many milliseconds; then they come at once. */
  heldUp?: number;
}

/**
 * A sender that always has as much on the way as it may, for some seconds on each of these lines in turn. Answers come together, every 20 ms,
 * as those of an end that has other things to do as well.
 *
 * @returns for each line: the share of it that was used, and what waited in its queue at most, in milliseconds; both in the second half
 */
function sendOver(lines: (Line & { seconds: number })[]): { used: number; queued: number; bytes: number }[] {
  const window = new Window();
  const queue: { sentAt: number; bytes: number }[] = [];
  let answers: { at: number; sentAt: number; bytes: number }[] = [];
  let [now, onTheWay, isHeld] = [0, 0, false];
  return lines.map(({ rate, latency, seconds, offered = Infinity, heldUp = 0 }) => {
    const [middle, end] = [now + seconds * 500, now + seconds * 1000];
    let [served, queued] = [0, 0];
    for (; now < end; now += TICK_MS) {
      const bytes = Math.min(window.bytes - onTheWay, offered * TICK_MS);
      if (bytes > 0) {
        queue.push({ sentAt: now, bytes });
        onTheWay += bytes;
      }
      let room = rate * TICK_MS;
      for (let [first] = queue; first !== undefined && room > 0; [first] = queue) {
        const bytes = Math.min(room, first.bytes);
        const due = Math.ceil((now + latency) / 20) * 20;
        isHeld = !isHeld;
        const at = due + (isHeld ? Math.max(0, heldUp - (due % 4000)) : 0);
        answers.push({ at, sentAt: first.sentAt, bytes });
        [room, first.bytes] = [room - bytes, first.bytes - bytes];
        if (first.bytes === 0) queue.shift();
      }
      if (now >= middle) {
        served += rate * TICK_MS - room;
        queued = Math.max(queued, queue.reduce((sum, { bytes }) => sum + bytes, 0) / rate);
      }
      for (const answer of answers.filter(({ at }) => at <= now)) {
        onTheWay -= answer.bytes;
        window.came(answer.bytes, now - answer.sentAt, now);
        if (onTheWay < 1) window.rest();
      }
      answers = answers.filter(({ at }) => at > now);
    }
    return { used: served / (rate * (end - middle)), queued, bytes: window.bytes };
  });
}

for (const [what, line] of Object.entries<Line>({
  '1 Gbit/s over 200 ms': { rate: 125_000, latency: 200 },
  '10 Gbit/s over 200 ms': { rate: 1_250_000, latency: 200 },
  '1 Gbit/s over 20 ms': { rate: 125_000, latency: 20 },
  '200 Mbit/s over 500 ms': { rate: 25_000, latency: 500 },
}))
  test(`a line of ${what} is full, and little waits in its queue`, () => {
    const [{ used, queued } = { used: 0, queued: 0 }] = sendOver([{ ...line, seconds: 60 }]);
    assert.ok(used > 0.96, `${used} of it was used`);
    assert.ok(queued < 1.5 * line.latency + 150, `${queued} ms waited`);
  });

test('a line that becomes longer is full again after a while, and one that becomes shorter has no long queue', () => {
  const near = { rate: 125_000, latency: 100, seconds: 60 };
  const [, long, short] = sendOver([near, { ...near, latency: 300 }, near]);
  assert.ok(long!.used > 0.96, `${long!.used} of the long line was used`);
  assert.ok(short!.used > 0.96 && short!.queued < 350, `${short!.queued} ms waited`);
});

test('a line that gets more or less than before is full again after a while, with little in its queue', () => {
  const line = { rate: 125_000, latency: 200, seconds: 60 };
  const [, little, much] = sendOver([line, { ...line, rate: 20_000 }, line]);
  assert.ok(
    little!.used > 0.96 && little!.queued < 2000,
    `${little!.used} of it was used, ${little!.queued} ms waited`,
  );
  assert.ok(much!.used > 0.96, `${much!.used} of it was used`);
});

test('after a time in which there was little to send, or nothing, the line is full again at once', () => {
  const line = { rate: 125_000, latency: 200 };
  for (const offered of [0, 1, 10_000]) {
    const [, , again] = sendOver([
      { ...line, seconds: 20 },
      { ...line, seconds: 40, offered },
      { ...line, seconds: 6 },
    ]);
    assert.ok(again!.used > 0.96, `${again!.used} of it was used after ${offered}`);
  }
});

test('answers that were held up and come all at once do not make a line look faster than it is', () => {
  const [held] = sendOver([{ rate: 25_000, latency: 200, seconds: 60, heldUp: 1500 }]);
  assert.ok(held!.bytes < 25_000 * 700, `${held!.bytes} bytes on the way`);
});

test('a line that holds next to nothing still gets pieces for every stream', () => {
  const [slow] = sendOver([{ rate: 10, latency: 50, seconds: 60 }]);
  assert.equal(slow!.bytes, 8 * 2 ** 20);
  assert.ok(new Window().bytes > 16 * MB);
});
