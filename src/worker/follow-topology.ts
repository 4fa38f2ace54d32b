import { setTimeout as sleep } from 'node:timers/promises';
import type { Location } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import { parseTaskQueue } from '../core/queue-discovery.js';
import { selectedQueues, type WorkerSelection } from './selection.js';

/** Between two looks at the catalogue, in milliseconds: what is added there takes part within seconds. */
const LOOK_EVERY = 2500;

/** A location that was switched off is let go when nothing was done or waited there for so many looks: a journey has steps. */
const QUIET_LOOKS = 4;

/** Switched-off queues that were let go are looked at once in so many looks; their number grows over the years. */
const SELDOM = 6;

/** What serves queues, as far as following needs it. */
export interface Serving {
  readonly queues: string[];
  serves(queue: string): boolean;
  inFlight(queue: string): number;
  serve(queue: string): Promise<void>;
  release(queue: string): void;
}

export interface FollowOptions {
  selection: WorkerSelection;
  locations: () => Promise<Location[]>;
  serving: Serving;
  /** Whether this process can do the work of a queue. */
  able: (queue: string) => boolean;
  /** Tasks that wait in a queue. */
  backlog: (queue: string) => Promise<number>;
  log: Logger;
}

/**
 * Keeps the served queues as the catalogue's topology is: one that comes is served. A location that is removed or switched off is
 * drained: its queues are served until nothing is at hand and nothing waits there any more, and of one that is switched off again if something
 * comes back later. While the catalogue is away all goes on as it was.
 */
export class TopologyFollower {
  private looks = 0;
  private readonly quiet = new Map<string, number>();
  private told = '';

  constructor(private readonly options: FollowOptions) {}

  /** Looks again and again until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.tell('warn', 'could not follow the topology; all is served as before', error);
      }
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look. */
  async look(): Promise<void> {
    const { selection, serving, able } = this.options;
    const selected = selectedQueues(await this.options.locations(), selection).filter(({ queue }) =>
      able(queue),
    );
    const known = new Set(selected.map(({ queue }) => queue));
    // What was removed outright is drained as what was switched off.
    for (const queue of serving.queues)
      if (parseTaskQueue(queue) !== undefined && !known.has(queue)) await this.drain(queue);
    for (const { queue, active } of selected) {
      if (active) {
        this.quiet.delete(queue);
        await serving.serve(queue);
      } else await this.drain(queue);
    }
    this.looks++;
    if (selected.length === 0) {
      const what = [selection.site, selection.location, selection.operation].filter(
        (one) => one !== undefined,
      );
      this.tell(
        'warn',
        `nothing to serve yet for ${what.join('.') || 'any site'}: waiting for the catalogue to have it`,
      );
    } else this.told = '';
  }

  private async drain(queue: string): Promise<void> {
    const { serving, backlog } = this.options;
    if (!serving.serves(queue)) {
      if (this.looks % SELDOM === 0 && (await backlog(queue)) > 0) await serving.serve(queue);
      return;
    }
    const busy = serving.inFlight(queue) > 0 || (await backlog(queue)) > 0;
    const quiet = busy ? 0 : (this.quiet.get(queue) ?? 0) + 1;
    this.quiet.set(queue, quiet);
    if (quiet < QUIET_LOOKS) return;
    this.quiet.delete(queue);
    serving.release(queue);
  }

  /** Says the same once, not every few seconds. */
  private tell(level: 'warn', message: string, error?: unknown): void {
    if (this.told === message) return;
    this.told = message;
    this.options.log[level](message, error === undefined ? {} : { error });
  }
}
