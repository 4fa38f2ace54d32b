import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What is put around functions again and again: a transaction, a clock, the context of log lines. Plain functions that take a function and
 * return one of the same kind (why not `@decorators`: docs/decisions/0013-observability.md).
 */

type Async<A extends unknown[], R> = (...args: A) => Promise<R>;

/** How one call ended. */
export type Timing =
  { outcome: 'completed'; seconds: number } | { outcome: 'failed'; seconds: number; error: unknown };

/** The function, with every call's time and end told to `observe`. */
export function timed<A extends unknown[], R>(
  observe: (timing: Timing) => void,
  act: Async<A, R>,
): Async<A, R> {
  return async (...args) => {
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1000;
    try {
      const result = await act(...args);
      observe({ outcome: 'completed', seconds: seconds() });
      return result;
    } catch (error) {
      observe({ outcome: 'failed', seconds: seconds(), error });
      throw error;
    }
  };
}

/** The function without its first parameter, which `run` provides: the manager of a transaction, for one. */
export function within<T, A extends unknown[], R>(
  run: (work: (given: T) => Promise<R>) => Promise<R>,
  act: (given: T, ...args: A) => Promise<R>,
): Async<A, R> {
  return (...args) => run((given) => act(given, ...args));
}

/** What log lines and counters of the work at hand say about it. */
export interface WorkContext {
  /** Fields of every log line. */
  fields: Readonly<Record<string, string | number>>;
  /** Told of bytes as they move, in steps. */
  onBytes?: (bytes: number, route: string) => void;
  /** Told in a line of what happens on the way, where somebody keeps it. */
  note?: (line: string) => void;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** The context of the work that calls; undefined outside of any. */
export function workContext(): WorkContext | undefined {
  return storage.getStore();
}

/** The function, run in a context of its own: whatever it logs or moves, however deep below, says so. */
export function inContext<A extends unknown[], R>(context: WorkContext, act: Async<A, R>): Async<A, R> {
  return (...args) => storage.run(context, () => act(...args));
}
