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
/** After so long, in milliseconds, a rate that was seen counts no more, and a time; the last of each always does. */
const RATE_MEMORY_MS = 10_000;
const LATENCY_MEMORY_MS = 24_000;
/** A round in which rate and latency are taken is no shorter. */
const ROUND_MS = 500;
/** Rounds of which the mean rate counts. */
const SMOOTHED = 2;
/** So often, in milliseconds, the queue of the line is emptied for a round: it costs a third of a second, and a shortest time that is forgotten first would grow. */
const DRAIN_MS = 20_000;
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
  #drainedAt: number | undefined;
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
    const seenBefore = highestRate(this.#rounds, now);
    const isRising = rate >= RISE * seenBefore;
    this.#isNew = this.#rounds.length === 0 || (this.#isNew && isRising);
    this.#rounds = [...within(this.#rounds, now, LATENCY_MEMORY_MS), round];
    const latency = Math.min(...this.#rounds.map((one) => one.latency));
    this.#shortest = Math.min(this.#shortest, latency);
    const target = isRising ? RISING_GAIN * latency + GROUP_MS : this.#target(latency, now);
    this.#bytes = Math.max(this.#isNew ? FIRST_BYTES : LEAST_BYTES, Math.max(rate, seenBefore) * target);
  }

  /** How long what is on the way shall take until it is answered, in milliseconds. */
  #target(latency: number, now: number): number {
    this.#drainedAt ??= now;
    if (now - this.#drainedAt < DRAIN_MS) return GAIN * latency + GROUP_MS;
    this.#drainedAt = now;
    return Math.max(this.#shortest, DRAIN * latency) + GROUP_MS / 2;
  }
}

/** What is seen in a round. */
function newRound(beganAt?: number) {
  return { beganAt, answered: 0, latency: Infinity };
}

/** The rounds that ended no longer ago, and the last. */
function within(rounds: readonly Round[], now: number, milliseconds: number): Round[] {
  return rounds.filter((one, index) => index === rounds.length - 1 || now - one.endedAt < milliseconds);
}

function highestRate(rounds: readonly Round[], now: number): number {
  return Math.max(0, ...within(rounds, now, RATE_MEMORY_MS).map(({ rate }) => rate));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}
