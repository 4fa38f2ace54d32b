import { MIB } from './frames.js';

/** What may be on the way before anything is known of the line, and what always may. */
const FIRST_BYTES = 32 * MIB;
const LEAST_BYTES = 8 * MIB;
/** More than the line holds, so that it stays full while the other end's disk takes its time; more still while the rate rises. */
const GAIN = 1.6;
const RISING_GAIN = 2.5;
/** The other end answers many pieces at once, this long after the first of them came, in milliseconds. */
const GROUP_MS = 50;
/** A rise of the rate that shows that the line holds more. */
const RISE = 1.15;
/** After so long, in milliseconds, what was seen of the line counts no more, but for the last of it. */
const MEMORY_MS = 10_000;
/** A round in which rate and latency are taken is no shorter. */
const ROUND_MS = 500;
/** Rounds of which the mean rate counts. */
const SMOOTHED = 2;
/** So often, in milliseconds, the queue of the line is emptied for a round. */
const DRAIN_MS = 5000;
/** Where the shortest time is longer than ever, nobody knows how much of it is the queue: it is made shorter by this. */
const DRAIN = 0.75;

interface Round {
  endedAt: number;
  /** Bytes, and milliseconds. */
  answered: number;
  length: number;
  /** Bytes per millisecond in this round and those before. */
  rate: number;
  /** The shortest, in milliseconds. */
  latency: number;
}

/**
 * How many bytes of pieces may be on their way without an answer: somewhat more than the line holds, which is its rate times the time until an
 * answer comes. What is sent beyond that waits in the queue of the line, which drops what it has no room for; and when the line breaks, what
 * came behind a packet that was dropped is lost too.
 *
 * The shortest time is that of an empty queue, so once in a while no more is let on the way than the line holds, and the queue empties.
 */
export class Window {
  #bytes = FIRST_BYTES;
  #rounds: Round[] = [];
  /** The rate has risen since the beginning. */
  #isNew = true;
  #drainedAt = 0;
  /** The shortest time ever. */
  #shortest = Infinity;
  #round = newRound();

  get bytes(): number {
    return this.#bytes;
  }

  /** Told of each piece that was answered: after how long, and when, in milliseconds. */
  answered(bytes: number, latency: number, now: number): void {
    const round = this.#round;
    round.beganAt ??= now - latency;
    round.answered += bytes;
    round.latency = Math.min(round.latency, latency);
    const length = now - round.beganAt;
    if (length < Math.max(ROUND_MS, 2 * round.latency)) return;
    this.#end(length, now);
    this.#round = newRound(now);
  }

  /** Nothing is on the way: what follows is a round of its own, since a time without pieces says nothing about the line. */
  rest(): void {
    this.#round = newRound();
  }

  #end(length: number, now: number): void {
    const { answered, latency: shortest } = this.#round;
    // Answers that were held up come all at once: in one round more than the line brings.
    const lately = [...this.#rounds.slice(1 - SMOOTHED), { answered, length }];
    const rate = sum(lately.map((one) => one.answered)) / sum(lately.map((one) => one.length));
    const round = { endedAt: now, answered, length, rate, latency: shortest };
    const last = this.#rounds.at(-1);
    const known = this.#rounds.filter((one) => one === last || now - one.endedAt < MEMORY_MS);
    this.#rounds = [...known, round];
    const isRising = round.rate >= RISE * Math.max(0, ...known.map(({ rate }) => rate));
    this.#isNew = known.length === 0 || (this.#isNew && isRising);
    const highest = Math.max(...this.#rounds.map((one) => one.rate));
    const latency = Math.min(...this.#rounds.map((one) => one.latency));
    this.#shortest = Math.min(this.#shortest, latency);
    const target = isRising ? RISING_GAIN * latency + GROUP_MS : this.#target(latency, now);
    this.#bytes = Math.max(this.#isNew ? FIRST_BYTES : LEAST_BYTES, highest * target);
  }

  /** How long what is on the way shall take until it is answered, in milliseconds. */
  #target(latency: number, now: number): number {
    if (now - this.#drainedAt < DRAIN_MS) return GAIN * latency + GROUP_MS;
    this.#drainedAt = now;
    return Math.max(this.#shortest, DRAIN * latency) + GROUP_MS / 2;
  }
}

/** What is seen in a round. */
function newRound(beganAt?: number) {
  return { beganAt, answered: 0, latency: Infinity };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}
