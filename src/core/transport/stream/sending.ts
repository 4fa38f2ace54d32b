import { createHash } from 'node:crypto';
import { workContext } from '../../decorators.js';
import { ChecksumVerificationError, DataTransferError } from '../../exceptions.js';
import { settled } from '../../utilities/settled.js';
import { corrupt, SourceFile } from '../source-file.js';
import type { SendRequest, SendResult } from '../transport.js';
import type { BufferPool, Lease } from './buffer-pool.js';
import { MIB, WHOLE_BYTES } from './frames.js';
import { blockBytes, endingTogether, pieceBytes } from './piece-size.js';
import type { Piece } from './pieces.js';
import { Ranges, type Range } from './ranges.js';
import { Block, type Load, type OutgoingPiece, type Work } from './work-queue.js';

/** Other bytes arrived than were sent: so often a piece is sent again before the line is given up. */
const MOST_WRONG = 3;
/** Files from this size on begin before it is known what the other end has, with a piece of this size for each stream: what TCP sends in its first two round trips. */
const EARLY_FROM_BYTES = 64 * MIB;
const EARLY_BYTES = 48 * 1024;
/** After so many commits that found pieces missing something else is wrong. */
const MOST_ROUNDS = 3;

/** What a file on its way needs of its transport. */
export interface Way {
  /** Told the bytes of each piece that has to be sent again. */
  again(bytes: number): void;
  readonly buffers: BufferPool;
  /** How many streams there are, or shall be. */
  readonly streams: number;
  /** Bytes of pieces that may be on their way at once. */
  readonly window: number;
  push(work: Work | Block): void;
}

interface Answers {
  state: readonly Piece[];
  there: undefined;
  done: boolean;
}
type Answer = { [K in keyof Answers]: { kind: K; value: Answers[K] } }[keyof Answers];

/** One file on its way: read once from its begin to its end, cut into pieces that any stream takes, until the other end has all of it. */
export class Sending {
  readonly request: SendRequest;
  readonly number: number;
  readonly #way: Way;
  readonly #failed: Promise<never>;
  #reject: (reason: Error) => void = () => undefined;
  #isOver = false;
  /** Pieces that are on their way, by number. */
  readonly #onTheWay = new Map<number, OutgoingPiece>();
  #pieces = 0;
  /** Bytes in blocks that no stream has taken yet, and how far blocks were read. */
  #uncut = 0;
  #readTo = 0;
  /** Bytes that the other end has, and bytes that were sent, some of them again. */
  #done = 0;
  #sent = 0;
  #source: SourceFile | undefined;
  #answered: ((answer: Answer) => void) | undefined;
  #allKept: (() => void) | undefined;

  /** @param number by which the two ends call it on all connections */
  constructor(request: SendRequest, number: number, way: Way) {
    this.request = request;
    this.number = number;
    this.#way = way;
    this.#failed = new Promise((_, reject) => (this.#reject = reject));
    this.#failed.catch(() => undefined); // thrown by whoever waits
  }

  /** Nobody waits for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that are still to be sent, at most. */
  get left(): number {
    return this.request.bytes - this.#done;
  }

  /** Ends it. */
  fail(reason: Error): void {
    this.#isOver = true;
    this.#reject(reason);
    this.#allKept?.();
  }

  async run(): Promise<SendResult> {
    const source = (this.#source = await SourceFile.open(this.request));
    const onAbort = () => this.fail(this.request.signal?.reason as Error);
    this.request.signal?.addEventListener('abort', onAbort);
    if (this.request.signal?.aborted === true) onAbort();
    const sending = this.request.bytes <= WHOLE_BYTES ? this.#sendWhole(source) : this.#sendPieces(source);
    try {
      return await Promise.race([sending, this.#failed]);
    } finally {
      this.#isOver = true;
      this.request.signal?.removeEventListener('abort', onAbort);
      // Nobody may close the file under what is still being read.
      void settled(sending).then(() => settled(source.close()));
    }
  }

  // --- what the streams tell ---

  onState(held: readonly Piece[]): void {
    this.#tell({ kind: 'state', value: held });
  }

  onThere(): void {
    this.#tell({ kind: 'there', value: undefined });
  }

  onDone(alreadyThere: boolean): void {
    this.#tell({ kind: 'done', value: alreadyThere });
  }

  /** The other end reads what is there and has come so far: bytes move. */
  onCompared(bytes: number): void {
    if (!this.#isOver) this.request.onProgress?.(Math.min(bytes, this.request.bytes));
  }

  onKept(number: number): void {
    const piece = this.#onTheWay.get(number);
    if (piece === undefined || this.#isOver) return;
    this.#onTheWay.delete(number);
    this.#progress(piece.length);
    if (this.#onTheWay.size === 0 && this.#uncut === 0) this.#allKept?.();
  }

  onWrong(work: Work): void {
    if (!('body' in work) || this.#isOver) return;
    if (++work.piece.wrong > MOST_WRONG) this.fail(this.#wrong(work.piece));
    else this.#sendAgain(work);
  }

  /** What was said on a stream that broke was perhaps not heard. */
  lost(work: Work): void {
    if (this.#isOver) return;
    if ('body' in work) this.#sendAgain(work);
    else this.#way.push(work);
  }

  /** Cuts a piece for a stream that takes so much. */
  cut(block: Block, appetite: number): Load {
    const { streams, window } = this.#way;
    const { bytes } = this.request;
    const wanted = pieceBytes(bytes, appetite, window / streams);
    const unsent = bytes - this.#readTo + this.#uncut;
    const { offset, body, release } = block.cut(endingTogether(wanted, unsent, streams));
    this.#uncut -= body.length;
    return this.#load('piece', offset, body, release);
  }

  // --- the course of it ---

  async #sendWhole(source: SourceFile): Promise<SendResult> {
    const { bytes } = this.request;
    await this.request.pace?.(bytes);
    const lease = await this.#way.buffers.take(bytes);
    let done: Promise<Answer>;
    try {
      this.#requireGoing();
      await source.read(lease.buffer, 0);
      source.digest(lease.buffer);
      source.verify();
      done = this.#answer();
      this.#way.push(this.#load('whole', 0, lease.buffer, () => lease.release()));
    } catch (error) {
      lease.release();
      throw error;
    }
    const alreadyThere = (await done).value === true;
    this.#progress(bytes);
    return { bytesSent: this.#sent, alreadyThere };
  }

  async #sendPieces(source: SourceFile): Promise<SendResult> {
    const { name, bytes } = this.request;
    const asked = this.#ask('open');
    const early = await this.#sendEarly(source);
    const found = await asked;
    if (found.kind === 'there') {
      workContext()?.note?.(`${name}: is there already`);
      this.#progress(bytes - this.#done);
      return { bytesSent: this.#sent, alreadyThere: true };
    }
    if (found.kind !== 'state') throw unexpected(found);
    const held = found.value.reduce((sum, { length }) => sum + length, 0);
    if (held > 0) workContext()?.note?.(`${name}: goes on with ${held} bytes that are there already`);
    await this.#readAll(source, found.value, early);
    try {
      source.verify();
    } catch (error) {
      await this.#allArrived();
      await this.#ask('discard'); // what came is not the file, and nobody may go on from it
      throw error;
    }
    return await this.#publish(source);
  }

  /** Has the file published once all of it has arrived; sends what turns out to be missing. */
  async #publish(source: SourceFile): Promise<SendResult> {
    let answered = this.#ask('commit');
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await Promise.race([answered, this.#allArrived()]);
      if (this.#answered !== undefined) answered = this.#ask('check');
      const answer = await answered;
      if (answer.kind === 'done')
        return { bytesSent: this.#sent, alreadyThere: answer.value && this.#sent === 0 };
      if (answer.kind !== 'state') throw unexpected(answer);
      await this.#sendMissing(source, answer.value);
      answered = this.#ask('commit');
    }
    const { name } = this.request;
    throw new DataTransferError(`${name} never became whole at the other end`, {
      subject: name,
      advice: 'More than one worker may answer at the address of the route: it must be one.',
    });
  }

  /**
   * While the other end looks what it has, the lines would be idle: the last pieces of a large file go at once, from behind, where least is
   * held. They are read again in their turn, and must be the same then.
   */
  async #sendEarly(source: SourceFile): Promise<Piece[]> {
    const { bytes } = this.request;
    const early: Piece[] = [];
    if (bytes < EARLY_FROM_BYTES) return early;
    for (let stream = 1; stream <= this.#way.streams; stream++) {
      early.unshift(await this.#sendPiece(source, bytes - stream * EARLY_BYTES, EARLY_BYTES));
    }
    return early;
  }

  /** Reads the file once. What the other end holds is checked against what is read here; what it lacks, or holds wrong, is sent. */
  async #readAll(source: SourceFile, held: readonly Piece[], early: readonly Piece[]): Promise<void> {
    const { bytes } = this.request;
    const wrong: Range[] = [];
    const begin = early[0]?.offset ?? bytes;
    let at = 0;
    for (const piece of [
      ...held.filter(({ offset, length }) => offset + length <= begin),
      ...early,
      undefined,
    ]) {
      const to = piece?.offset ?? bytes;
      while (at < to) at += await this.#sendBlock(source, at, to, true);
      if (piece === undefined) break;
      at += piece.length;
      this.#readTo = at;
      const matches = await this.#matches(source, piece);
      this.#requireGoing();
      if (piece.offset >= begin && !matches) throw this.#changed(piece);
      if (!matches) wrong.push({ from: piece.offset, to: at });
      else if (piece.offset < begin) this.#progress(piece.length);
    }
    for (const range of wrong) await this.#sendRange(source, range);
  }

  /** After a commit that found less than everything, for instance because the other end has lost its journal. */
  async #sendMissing(source: SourceFile, held: readonly Piece[]): Promise<void> {
    const there = new Ranges();
    for (const { offset, length } of held) there.add(offset, offset + length);
    const missing = there.missing(this.request.bytes);
    this.#done = Math.min(this.#done, there.bytes);
    for (const range of missing) await this.#sendRange(source, range);
  }

  /** Sends a part that was read and digested before. */
  async #sendRange(source: SourceFile, { from, to }: Range): Promise<void> {
    for (let at = from; at < to;) at += await this.#sendBlock(source, at, to, false);
  }

  /** Reads a block and gives it to the streams; says how long it is. */
  async #sendBlock(source: SourceFile, offset: number, to: number, isNext: boolean): Promise<number> {
    const length = Math.min(to - offset, blockBytes(this.request.bytes));
    const lease = await this.#read(source, offset, length);
    if (isNext) {
      source.digest(lease.buffer);
      this.#readTo = offset + length;
    }
    this.#uncut += length;
    this.#way.push(new Block(this, lease, offset));
    return length;
  }

  /** Reads a piece of exactly this length and gives it to the streams. */
  async #sendPiece(source: SourceFile, offset: number, length: number): Promise<OutgoingPiece> {
    const lease = await this.#read(source, offset, length);
    const load = this.#load('piece', offset, lease.buffer, () => lease.release());
    this.#way.push(load);
    return load.piece;
  }

  async #read(source: SourceFile, offset: number, length: number): Promise<Lease> {
    await this.request.pace?.(length);
    const lease = await this.#way.buffers.take(length);
    try {
      this.#requireGoing();
      await source.read(lease.buffer, offset);
      this.#requireGoing();
      return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  #load(kind: Load['kind'], offset: number, body: Buffer, release: () => void): Load {
    const { length } = body;
    const number = kind === 'whole' ? 0 : ++this.#pieces;
    const piece = { number, offset, length, sha256: digestOf(body), wrong: 0 };
    if (kind === 'piece') this.#onTheWay.set(number, piece);
    this.#sent += length;
    return { sending: this, kind, piece, body, release };
  }

  /** Whether a piece that the other end holds is what the origin has; read in its turn and digested. */
  async #matches(source: SourceFile, { offset, length, sha256 }: Piece): Promise<boolean> {
    const hash = createHash('sha256');
    for (let done = 0; done < length;) {
      const lease = await this.#way.buffers.take(Math.min(MIB, length - done));
      try {
        await source.read(lease.buffer, offset + done);
        source.digest(lease.buffer);
        hash.update(lease.buffer);
        done += lease.buffer.length;
      } finally {
        lease.release();
      }
    }
    return hash.digest('hex') === sha256;
  }

  #sendAgain(work: Load): void {
    this.#way.again(work.piece.length);
    this.#readAgain(work).catch((error: unknown) => this.fail(error as Error));
  }

  async #readAgain({ kind, piece }: Load): Promise<void> {
    if (this.#source === undefined) return;
    const lease = await this.#read(this.#source, piece.offset, piece.length);
    const release = () => lease.release();
    if (digestOf(lease.buffer) !== piece.sha256) {
      release();
      throw this.#changed(piece);
    }
    this.#sent += piece.length;
    this.#way.push({ sending: this, kind, piece, body: lease.buffer, release });
  }

  async #allArrived(): Promise<void> {
    if (this.#onTheWay.size > 0 || this.#uncut > 0)
      await new Promise<void>((resolve) => (this.#allKept = resolve));
    this.#allKept = undefined;
  }

  #ask(kind: 'open' | 'commit' | 'check' | 'discard'): Promise<Answer> {
    const answer = this.#answer();
    this.#way.push({ sending: this, kind });
    return answer;
  }

  #answer(): Promise<Answer> {
    // Of one that failed no answer will come, and nobody may wait for ever: its file is open until then.
    const answer = Promise.race([new Promise<Answer>((resolve) => (this.#answered = resolve)), this.#failed]);
    answer.catch(() => undefined); // thrown by whoever waits
    return answer;
  }

  #tell(answer: Answer): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
  }

  #progress(bytes: number): void {
    this.#done += bytes;
    if (!this.#isOver) this.request.onProgress?.(this.#done);
  }

  #requireGoing(): void {
    if (this.#isOver) throw new DataTransferError(`the sending of ${this.request.name} is over`);
  }

  #changed({ offset }: Piece): Error {
    return corrupt(this.request, `has other bytes from ${offset} on than a moment ago`);
  }

  #wrong({ offset, length }: Piece): ChecksumVerificationError {
    const { name } = this.request;
    return new ChecksumVerificationError(
      `${length} bytes of ${name} from ${offset} on arrived wrong ${MOST_WRONG + 1} times`,
      { subject: name, advice: 'Look at the memory and the network cards of the machines at both ends.' },
    );
  }
}

function digestOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function unexpected({ kind }: Answer): DataTransferError {
  return new DataTransferError(`the other end answered "${kind}" where that is no answer`);
}
