/** What may be on the way before anything is known of the line, and what always may. */
const FIRST_BYTES = 32 * 1024 * 1024;
const LEAST_BYTES = 4 * 1024 * 1024;
/** More than the line holds, so that it stays full; while the rate still rises, twice as much. */
const GAIN = 1.25;
const RISING_GAIN = 2;
/** The other end answers many pieces at once, this long after the first of them came, in milliseconds. */
const GROUP_MS = 50;
/** A rise of the rate that shows that the line holds more. */
const RISE = 1.15;
/** After so long, in milliseconds, what was seen of the line counts no more, but for the last of it. */
const MEMORY_MS = 10_000;
/** A round in which rate and latency are taken is no shorter. */
const ROUND_MS = 500;
/** So often, in milliseconds, the queue of the line is emptied for a round. */
const DRAIN_MS = 5000;
/** Where the shortest time is longer than ever, nobody knows how much of it is the queue: it is made shorter by this. */
const DRAIN = 0.75;

interface Round {
  endedAt: number;
  /** Bytes per millisecond. */
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
  /** Of the round that is under way. */
  #beganAt: number | undefined;
  #answered = 0;
  #latency = Infinity;

  get bytes(): number {
    return this.#bytes;
  }

  /** Told of each piece that was answered: after how long, and when, in milliseconds. */
  answered(bytes: number, latency: number, now: number): void {
    this.#beganAt ??= now - latency;
    this.#answered += bytes;
    this.#latency = Math.min(this.#latency, latency);
    const length = now - this.#beganAt;
    if (length >= Math.max(ROUND_MS, 2 * this.#latency)) this.#end(length, now);
  }

  /** Nothing is on the way: what follows is a round of its own, since a time without pieces says nothing about the line. */
  rest(): void {
    [this.#beganAt, this.#answered, this.#latency] = [undefined, 0, Infinity];
  }

  #end(length: number, now: number): void {
    const round = { endedAt: now, rate: this.#answered / length, latency: this.#latency };
    [this.#beganAt, this.#answered, this.#latency] = [now, 0, Infinity];
    const last = this.#rounds.at(-1);
    const known = this.#rounds.filter((one) => one === last || now - one.endedAt < MEMORY_MS);
    this.#rounds = [...known, round];
    const isRising = round.rate >= RISE * Math.max(0, ...known.map(({ rate }) => rate));
    this.#isNew = known.length === 0 || (this.#isNew && isRising);
    const rate = Math.max(...this.#rounds.map((one) => one.rate));
    const latency = Math.min(...this.#rounds.map((one) => one.latency));
    this.#shortest = Math.min(this.#shortest, latency);
    const target = isRising ? RISING_GAIN * latency + GROUP_MS : this.#target(latency, now);
    this.#bytes = Math.max(this.#isNew ? FIRST_BYTES : LEAST_BYTES, rate * target);
  }

  /** How long what is on the way shall take until it is answered, in milliseconds. */
  #target(latency: number, now: number): number {
    if (now - this.#drainedAt < DRAIN_MS) return GAIN * latency + GROUP_MS;
    this.#drainedAt = now;
    return Math.max(this.#shortest, DRAIN * latency) + GROUP_MS / 2;
  }
}
