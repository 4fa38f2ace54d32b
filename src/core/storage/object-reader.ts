import { createHash, type Hash } from 'node:crypto';
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { takeThread, type Lease } from '../utilities/threads.js';
import type { ByteRange, ReadBack } from './archive-store.js';
import { RangeNoter } from './noted-ranges.js';

/**
 * What asks a store for an object, receives and digests it, in a thread of its own. The connection fills one block of memory over and over, and what it
 * filled is digested there: HTTP as Node has it makes memory for each 64 KiB and copies them, which takes longer than their digest. It
 * reads the head of an answer, and what is no object.
 */

/** What the connection fills, of which a thread has one at a time. More gains nothing. */
const BLOCK = Buffer.allocUnsafeSlow(256 * 1024);
/** How far it is, is told at least this often. */
const TELL_MS = 1000;
/** Of what a store says instead of an object, no more is kept. */
const MOST_SAID_BYTES = 64 * 1024;

/** A request for an object, signed already. Whoever has it can read the object for a while: it is for no log. */
export interface ObjectRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  headers: Record<string, string>;
  /** It is given up when there is no connection after this long, or when no byte moves for this long. */
  connectMs: number;
  idleMs: number;
}

export interface ObjectAnswer {
  statusCode: number;
  headers: Record<string, string>;
  /** What the store says where it gives no object. */
  said: string;
}

/** How far it is; `whole` when that is all. */
export interface ObjectStep {
  bytes: number;
  whole?: ReadBack;
}

export class ObjectReader {
  readonly #ranges: readonly ByteRange[];
  #reception: Reception | undefined;

  constructor(ranges: readonly ByteRange[]) {
    this.#ranges = ranges;
  }

  /**
   * Asks for the object; its bytes wait for {@link read}. Errors are those of the connection, or have the name `TimeoutError`.
   */
  ask(request: ObjectRequest): Promise<ObjectAnswer> {
    this.close();
    this.#reception = new Reception(request, new RangeNoter(this.#ranges));
    return this.#reception.answer;
  }

  /** Goes on by so many bytes, and answers when they came, all came, or a second went by. Errors as {@link ask}. */
  async read(bytes: number): Promise<ObjectStep> {
    if (this.#reception === undefined) throw new Error('nothing was asked for');
    return await this.#reception.read(bytes);
  }

  close(): void {
    this.#reception?.close();
    this.#reception = undefined;
  }
}

export function open(ranges: readonly ByteRange[]): ObjectReader {
  return new ObjectReader(ranges);
}

/** @param ranges that are digested each by itself, too */
export function takeObjectReader(ranges: readonly ByteRange[]): Promise<Lease<ObjectReader>> {
  return takeThread<ObjectReader>(new URL(import.meta.url), ranges);
}

/** One request and what comes of it. */
class Reception {
  readonly answer: Promise<ObjectAnswer>;
  readonly #request: ClientRequest;
  readonly #idleMs: number;
  readonly #noter: RangeNoter;
  readonly #hash: Hash = createHash('sha256');
  #answered: (answer: ObjectAnswer) => void = () => undefined;
  #refused: (error: Error) => void = () => undefined;
  #changed: () => void = () => undefined;
  #response: IncomingMessage | undefined;
  /** Of the object, where its bytes follow the head as they are. */
  #length: number | undefined;
  #bytes = 0;
  /** It reads until it has so many. */
  #wanted = Infinity;
  #reads: boolean | undefined;
  #outcome: ReadBack | Error | undefined;

  constructor({ protocol, connectMs, idleMs, ...where }: ObjectRequest, noter: RangeNoter) {
    this.#idleMs = idleMs;
    this.#noter = noter;
    this.answer = new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#refused = reject;
    });
    const onread = {
      buffer: BLOCK,
      callback: (count: number) => {
        this.#take(BLOCK.subarray(0, count));
        return true;
      },
    };
    // Node hands what it does not know itself on to the connection.
    const options: http.RequestOptions & { onread: object } = { ...where, agent: false, onread };
    this.#request = (protocol === 'https:' ? https : http).request(options);
    const connecting = setTimeout(() => this.#fail(timeOut('no connection', connectMs)), connectMs);
    this.#request.once('socket', (socket) => {
      socket.once('connect', () => clearTimeout(connecting));
      socket.once('close', () => clearTimeout(connecting));
      socket.on('timeout', () => this.#fail(timeOut('no byte moved', idleMs)));
    });
    this.#request.setTimeout(idleMs);
    this.#request.on('error', (error) => this.#fail(error));
    this.#request.on('response', (response) => this.#begin(response));
    this.#request.end();
  }

  async read(bytes: number): Promise<ObjectStep> {
    this.#wanted = this.#bytes + bytes;
    this.#flow();
    if (this.#outcome === undefined)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TELL_MS);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    if (this.#outcome instanceof Error) throw this.#outcome;
    return { bytes: this.#bytes, whole: this.#outcome };
  }

  close(): void {
    this.#fail(new Error('it is not wanted any more'));
  }

  /** What the connection gave. */
  #take(bytes: Buffer): void {
    if (this.#length !== undefined) {
      this.#digest(bytes);
      return;
    }
    // As if the connection had been read as usual.
    this.#request.socket?.emit('data', bytes);
    this.#takeFirst();
  }

  /** What came together with the head, where that was whole now and what follows is taken as it is. */
  #takeFirst(): void {
    if (this.#length === undefined) return;
    const first = this.#response?.read() as Buffer | null | undefined;
    // HTTP may have stopped the connection.
    this.#reads = undefined;
    this.#digest(first ?? Buffer.alloc(0));
  }

  #begin(response: IncomingMessage): void {
    this.#response = response;
    const { statusCode = 0, headers } = response;
    response.on('error', (error) => this.#fail(error));
    if (statusCode >= 300) {
      const said: Buffer[] = [];
      const end = () =>
        this.#answered({ statusCode, headers: joined(headers), said: String(Buffer.concat(said)) });
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        said.push(chunk);
        if ((bytes += chunk.length) < MOST_SAID_BYTES) return;
        end();
        this.close();
      });
      response.on('end', end);
      return;
    }
    this.#wanted = 0;
    if (headers['content-length'] !== undefined && headers['transfer-encoding'] === undefined) {
      this.#length = Number(headers['content-length']);
    } else {
      response.on('data', (chunk: Buffer) => this.#digest(chunk));
      response.on('end', () => this.#end());
    }
    this.#answered({ statusCode, headers: joined(headers), said: '' });
  }

  #digest(bytes: Buffer): void {
    if (this.#outcome !== undefined) return;
    const ours = this.#length === undefined ? bytes : bytes.subarray(0, this.#length - this.#bytes);
    this.#hash.update(ours);
    this.#noter.add(ours);
    this.#bytes += ours.length;
    if (this.#bytes === this.#length) this.#end();
    else this.#flow();
  }

  /** Reads on, or not for now, which is no silence of the store. */
  #flow(): void {
    const { socket } = this.#request;
    const reads = this.#bytes < this.#wanted;
    if (!reads) this.#changed();
    if (reads === this.#reads || socket === null || socket.destroyed) return;
    this.#reads = reads;
    socket.setTimeout(reads ? this.#idleMs : 0);
    if (reads) socket.resume();
    else socket.pause();
  }

  #end(): void {
    if (this.#outcome !== undefined) return;
    const sha256 = this.#hash.digest('hex');
    this.#outcome = { bytes: this.#bytes, sha256, ranges: this.#noter.noted() };
    this.#request.destroy();
    this.#changed();
  }

  /** The first failure counts; what comes of it is none of its own. */
  #fail(error: Error): void {
    this.#outcome ??= error;
    this.#refused(error);
    this.#request.destroy();
    this.#changed();
  }
}

function joined(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value = '']) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
}

function timeOut(what: string, milliseconds: number): Error {
  return Object.assign(new Error(`${what} within ${milliseconds} ms`), { name: 'TimeoutError' });
}
