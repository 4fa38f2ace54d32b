import type { Worker } from '@temporalio/worker';
import type { Logger } from '../core/logging.js';

/** The Workers of one process, one for each queue; they come and go while it runs. */
export class WorkerSet {
  private readonly workers = new Map<string, { worker: Worker; ended: Promise<void> }>();
  private readonly releasing = new Set<Promise<void>>();
  private stopping = false;
  private fail: (error: unknown) => void = () => undefined;
  /** Rejects when a Worker ends by itself: then the process is of no use any more. */
  readonly failed: Promise<never>;

  constructor(
    private readonly make: (queue: string) => Promise<Worker>,
    private readonly log: Logger,
  ) {
    this.failed = new Promise((_, reject) => (this.fail = reject));
    // Whoever races against it handles it; until then it is no unhandled rejection.
    this.failed.catch(() => undefined);
  }

  get queues(): string[] {
    return [...this.workers.keys()];
  }

  serves(queue: string): boolean {
    return this.workers.has(queue);
  }

  /** Pieces of work on this queue that this process is at now. */
  inFlight(queue: string): number {
    return this.workers.get(queue)?.worker.getStatus().numInFlightActivities ?? 0;
  }

  /** Begins to serve a queue. */
  async serve(queue: string): Promise<void> {
    if (this.stopping || this.workers.has(queue)) return;
    const worker = await this.make(queue);
    const ended = worker.run();
    this.workers.set(queue, { worker, ended });
    ended.then(
      () =>
        this.workers.get(queue)?.worker === worker && this.fail(new Error(`the worker of ${queue} ended`)),
      (error: unknown) => this.fail(error),
    );
    this.log.info('queue served', { queue });
  }

  /** Ends to serve a queue; work at hand is ended or handed back as at the end of the process. */
  release(queue: string): void {
    const one = this.workers.get(queue);
    if (one === undefined) return;
    this.workers.delete(queue);
    const ended = shutDown(one.worker, one.ended).finally(() => this.releasing.delete(ended));
    ended.catch(() => undefined);
    this.releasing.add(ended);
    this.log.info('queue released', { queue });
  }

  /** Ends all, and returns when all work at hand has ended or was handed back. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const queue of this.queues) this.release(queue);
    const results = await Promise.allSettled([...this.releasing]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

async function shutDown(worker: Worker, ended: Promise<void>): Promise<void> {
  if (worker.getState() === 'RUNNING') worker.shutdown();
  await ended;
}
