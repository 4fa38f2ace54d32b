import { parentPort } from 'node:worker_threads';
import { errorAsData } from './error-as-data.js';
import type { ThreadAnswer, ThreadRequest } from './threads.js';

/** The other end of `threads.ts`: what runs in a thread. Requests are answered in their order. */

type Session = Record<string, ((...args: unknown[]) => unknown) | undefined>;

let session: Session = {};
let turn = Promise.resolve();

parentPort?.on('message', (request: ThreadRequest) => {
  turn = turn.then(async () => parentPort?.postMessage(await answerTo(request)));
});

async function answerTo(request: ThreadRequest): Promise<ThreadAnswer> {
  const { id } = request;
  try {
    return { id, result: await act(request) };
  } catch (error) {
    return { id, error: errorAsData(error) };
  }
}

async function act(request: ThreadRequest): Promise<unknown> {
  if ('method' in request) return await session[request.method]?.(...request.args);
  if ('open' in request) {
    const module = (await import(request.open)) as { open: (input: unknown) => Session };
    session = module.open(request.input);
    return undefined;
  }
  const last = session;
  session = {};
  return await last['close']?.();
}
