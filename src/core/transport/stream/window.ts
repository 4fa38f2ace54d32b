import { MIB } from './frames.js';

/** What may be on the way before anything is known of the line, and what always may. */
const FIRST_BYTES = 32 * MIB;
const LEAST_BYTES = 8 * MIB;
/** More than the line holds, so that it stays full while an end is busy with something else; more still while the rate rises. */
const GAIN = 1.6;
const RISING_GAIN = 2.5;
/** What an end takes for a piece before it says that it came, in milliseconds. */
const SLACK_MS = 25;
/** A rise of the rate that shows that the line holds more. */
const RISE = 1.15;
/** After so long, in milliseconds, a rate that was seen counts no more, and a time; the last of each always does. */
const RATE_MEMORY_MS = 10_000;
const LATENCY_MEMORY_MS = 30_000;
/** A round in which rate and latency are taken is no shorter. */
const ROUND_MS = 500;
/** Rounds of which the mean rate counts. */
const SMOOTHED = 2;
/** Where the shortest time was not seen for so long, in milliseconds, the queue of the line is emptied for a round, before it is forgotten. */
const DRAIN_MS = 20_000;
/** A time that is no longer than the shortest times this is the shortest, seen again. */
const SEEN_AGAIN = 1.1;
/** Where the shortest time is longer than ever, nobody knows how much of it is the queue: it is made shorter by this. */
const DRAIN = 0.75;

interface Round {
  endedAt: number;
  /** Bytes, and milliseconds. */
  came: number;
  length: number;
  /** Bytes per millisecond in this round and those before. */
  rate: number;
  /** The shortest, in milliseconds. */
  latency: number;
}

/**
 * How many bytes of pieces may be on their way: somewhat more than the line holds, which is its rate times the time until it is heard that a
 * piece came. What is sent beyond that waits in the queue of the line, which drops what it has no room for; and when the line breaks, what
 * came behind a packet that was dropped is lost too.
 *
 * The shortest time is that of an empty queue, so once in a while no more is let on the way than the line holds, and the queue empties.
 */
export class Window {
  #bytes = FIRST_BYTES;
  #rounds: Round[] = [];
  /** The rate has risen since the beginning. */
  #isNew = true;
  #drainedAt = -Infinity;
  /** The shortest time ever. */
  #shortest = Infinity;
  #round = newRound();

  get bytes(): number {
    return this.#bytes;
  }

  /** Told of each piece that came: how long it took until that was heard, and when, in milliseconds. */
  came(bytes: number, latency: number, now: number): void {
    const round = this.#round;
    round.beganAt ??= now - latency;
    round.came += bytes;
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
    const { came, latency: shortest } = this.#round;
    // Answers that were held up come all at once: in one round more than the line brings.
    const lately = [...this.#rounds.slice(1 - SMOOTHED), { came, length }];
    const rate = sum(lately.map((one) => one.came)) / sum(lately.map((one) => one.length));
    const round = { endedAt: now, came, length, rate, latency: shortest };
    const seenBefore = highestRate(this.#rounds, now);
    const isRising = rate >= RISE * seenBefore;
    this.#isNew = this.#rounds.length === 0 || (this.#isNew && isRising);
    this.#rounds = [...within(this.#rounds, now, LATENCY_MEMORY_MS), round];
    const latency = Math.min(...this.#rounds.map((one) => one.latency));
    this.#shortest = Math.min(this.#shortest, latency);
    const target = isRising ? RISING_GAIN * latency + SLACK_MS : this.#target(latency, now);
    this.#bytes = Math.max(this.#isNew ? FIRST_BYTES : LEAST_BYTES, Math.max(rate, seenBefore) * target);
  }

  /** How long what is on the way shall take until it is heard that it came, in milliseconds. */
  #target(latency: number, now: number): number {
    const seenAt = this.#rounds.findLast((one) => one.latency <= SEEN_AGAIN * latency)?.endedAt ?? now;
    if (now - Math.max(seenAt, this.#drainedAt) < DRAIN_MS) return GAIN * latency + SLACK_MS;
    this.#drainedAt = now;
    return Math.max(this.#shortest, DRAIN * latency) + SLACK_MS;
  }
}

/** What is seen in a round. */
function newRound(beganAt?: number) {
  return { beganAt, came: 0, latency: Infinity };
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
