import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../core/logging.js';
import type { Notifications } from '../core/notification-service.js';
import { isStuck, type QueueState } from './task-queues.js';

/** Between two looks, in milliseconds. */
const LOOK_EVERY = 60_000;

/** Looks in a row that must find work waiting without a worker: one that is just being restarted is no news. */
const LOOKS = 3;

/** Tells people of work that waits on a queue which nobody serves. For the process that serves the catalogue's queue. */
export class QueueWatch {
  private readonly found = new Map<string, number>();

  constructor(
    private readonly states: () => Promise<QueueState[]>,
    private readonly notifications: Notifications,
    private readonly log: Logger,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look; never throws. */
  async look(): Promise<void> {
    try {
      const stuck = (await this.states()).filter(isStuck);
      const names = new Set(stuck.map(({ queue }) => queue));
      for (const queue of this.found.keys()) if (!names.has(queue)) this.found.delete(queue);
      for (const state of stuck) {
        const looks = (this.found.get(state.queue) ?? 0) + 1;
        this.found.set(state.queue, looks);
        if (looks >= LOOKS) await this.tell(state);
      }
    } catch (error) {
      this.log.warn('could not look at the queues', { error });
    }
  }

  private tell({ queue, backlog }: QueueState): Promise<void> {
    return this.notifications.tell({
      level: 'warning',
      kind: 'queue_unserved',
      subject: queue,
      happened: `About ${backlog} pieces of work wait on ${queue}, and no worker serves it.`,
      tried: 'The work waits; nothing is lost.',
      advice: 'Start the worker of this site, or look at its log; `cdt queues` shows every queue.',
    });
  }
}
