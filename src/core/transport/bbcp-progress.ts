import type { BbcpEvent, BbcpEventOf } from '../utilities/bbcp-lines.js';

/**
 * How many bytes of a file are at the target, by what bbcp says. It tells whole percents of what was missing when it began, which is
 * half a gigabyte of a large package: between two of them the rate of each line says how far it is.
 */
export class BbcpProgress {
  readonly #bytes: number;
  #offset = 0;
  #done = 0;
  #toldAt: number | undefined;

  /** @param bytes of the whole file */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Bytes that were there when bbcp began. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes at the target after this line; never fewer than before. */
  after(event: BbcpEvent): number {
    if (event.kind === 'started') this.#done = this.#offset = Math.min(event.offset, this.#bytes);
    if (event.kind === 'progress')
      this.#done = Math.max(this.#done, Math.min(this.#bytes, this.#read(event)));
    return this.#done;
  }

  #read({ at, percent, bytesPerSecond = 0 }: BbcpEventOf<'progress'>): number {
    const now = secondsOf(at);
    const seconds = this.#toldAt === undefined ? 0 : Math.max(0, now - this.#toldAt);
    this.#toldAt = now;
    const guess = this.#done + bytesPerSecond * seconds;
    if (percent === undefined) return guess;
    const ofMissing = (share: number) =>
      this.#offset + Math.floor(((this.#bytes - this.#offset) * share) / 100);
    return Math.min(Math.max(guess, ofMissing(percent)), ofMissing(percent + 1));
  }
}

/** Of `YYMMDD HH:MM:SS`. */
function secondsOf(at: string): number {
  const [, year, month, day, time] = /^(\d\d)(\d\d)(\d\d) (.+)$/.exec(at) ?? [];
  return Date.parse(`20${year}-${month}-${day}T${time}Z`) / 1000;
}
