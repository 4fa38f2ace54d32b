import { Worker } from 'node:worker_threads';
import { ServiceUnavailableError } from '../exceptions.js';
import { reviveError, type ErrorAsData } from './error-as-data.js';
import { outcomeOf, settled } from './settled.js';

/**
 * Threads for what takes a processor (digests) or may block (a disk that is read file by file): the process goes on answering, and the bytes
 * of one package are dealt with on several processors. A thread belongs to one piece of work at a time, so that a disk that hangs holds up
 * nobody else; threads that are free again wait for the next work.
 */

/** Free threads that are kept; starting one takes some 30 ms and 10 MB. */
const KEPT = 6;

/** What is asked of a thread. */
export type ThreadRequest = { id: number } & (
  { open: string; input: unknown } | { method: string; args: unknown[] } | { close: true }
);

/** What a thread answers. */
export type ThreadAnswer = { id: number } & ({ result: unknown } | { error: ErrorAsData });

/** An object in a thread: its methods are called in order, one after the other, and answer later. */
export type Remote<Session> = {
  readonly [Name in keyof Session]: Session[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** An object in a thread of its own, until it is released. */
export interface Lease<Session> {
  readonly session: Remote<Session>;
  /** Gives the thread back; where it still works, it is ended. */
  readonly release: () => void;
}

const free: Thread[] = [];

/**
 * Opens a session in a thread.
 *
 * @param module exports `open(input)`, which answers with the session. Its arguments and results are copied on the way, but for the
 *   memory of `sharedBlock`
 * @throws ServiceUnavailableError where the thread ends; of its calls also whatever the session throws
 */
export async function takeThread<Session extends object>(
  module: URL,
  input?: unknown,
): Promise<Lease<Session>> {
  const thread = takeFree(module.href) ?? new Thread();
  let isReleased = false;
  const release = () => {
    if (isReleased) return;
    isReleased = true;
    giveBack(thread);
  };
  try {
    thread.modules.add(module.href);
    await thread.ask({ open: module.href, input });
  } catch (error) {
    thread.end();
    throw error;
  }
  const session = new Proxy({} as Remote<Session>, {
    get:
      (_, method) =>
      (...args: unknown[]) =>
        // The thread may be somebody else's by now.
        isReleased
          ? Promise.reject(new Error('this session was released'))
          : thread.ask({ method: String(method), args }),
  });
  return { session, release };
}

/** Opens the same session in several threads: in all of them, or in none. Errors as {@link takeThread}. */
export async function takeThreads<Session extends object>(
  count: number,
  module: URL,
  input?: unknown,
): Promise<Lease<Session>[]> {
  const taken = await Promise.all(
    Array.from({ length: count }, () => settled(takeThread<Session>(module, input))),
  );
  try {
    return taken.map(outcomeOf);
  } catch (error) {
    for (const one of taken) if (one.status === 'fulfilled') one.value.release();
    throw error;
  }
}

/** A free thread, if there is one that had such a session before: each thread compiles by itself what it runs, which may take longer than the work. */
function takeFree(module: string): Thread | undefined {
  const knowing = free.findLastIndex((thread) => thread.modules.has(module));
  return free.splice(knowing, 1)[0];
}

/** Keeps a thread for the next work. What is still at work for one must not meet the next. */
function giveBack(thread: Thread): void {
  if (!thread.isFree || free.length >= KEPT) {
    thread.end();
    return;
  }
  thread.ask({ close: true }).then(
    () => {
      if (free.length < KEPT) free.push(thread);
      else thread.end();
    },
    () => {
      thread.end();
    },
  );
}

/** The bytes that came to a thread, as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class Thread {
  // Without the flags of this process: one that says how its own program is given (--input-type) keeps a thread from beginning.
  readonly #worker = new Worker(new URL('./thread.js', import.meta.url), { execArgv: [] });
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: unknown) => void }
  >();
  /** Of the sessions that it had. */
  readonly modules = new Set<string>();
  #asked = 0;
  #ended: ServiceUnavailableError | undefined;

  constructor() {
    // It keeps the process alive only while somebody waits for it.
    this.#worker.unref();
    this.#worker.on('message', (answer: ThreadAnswer) => this.#settle(answer));
    this.#worker.on('error', (cause) => this.#end(cause));
    this.#worker.on('exit', () => this.#end());
  }

  get isFree(): boolean {
    return this.#waiting.size === 0 && this.#ended === undefined;
  }

  ask(
    request: ThreadRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never,
  ): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = (this.#asked += 1);
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request });
    });
  }

  end(): void {
    void this.#worker.terminate();
    this.#end();
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('error' in answer) waiting?.reject(reviveError(answer.error));
    else waiting?.resolve(answer.result);
  }

  #end(cause?: unknown): void {
    this.#ended ??= new ServiceUnavailableError('a thread of this process ended', {
      cause,
      advice:
        'The work is tried again by itself. Where it happens again and again, look at the memory that the worker may use.',
    });
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
    this.#worker.unref();
  }
}
