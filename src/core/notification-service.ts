import { setTimeout as sleep } from 'node:timers/promises';
import type { NotificationCatalogue } from './database/notification-catalogue.js';
import { CCATDataOperationError } from './exceptions.js';
import type { Logger } from './logging.js';
import { toPlain } from './redaction.js';
import { NOTIFICATION_LEVELS, type Notice, type NotificationLevel } from './notifications/notice.js';

export { NOTIFICATION_LEVELS, type Notice, type NotificationLevel };

export interface Notifications {
  /**
   * Tells people of something. Never throws, never waits for a mail server: the log has it at once, the channels as soon as they can be
   * reached.
   */
  tell(notice: Notice): Promise<void>;
}

const LOG_LEVELS = { info: 'info', warning: 'warn', critical: 'error' } as const;
/** Longest that work waits for the catalogue to take a notice; it is noted later then. */
const PATIENCE_MS = 3000;
const RETRY_MS = 15_000;
/** What is kept while the catalogue is away. */
const MOST_KEPT = 500;

/**
 * Notes what people should know in the catalogue, from where the worker beside it tells it on (`notifications/delivery.ts`). While the catalogue
 * is away, notices are kept in memory, the oldest given up first; the log has all of them.
 */
export class NotificationService implements Notifications {
  private kept: Notice[] = [];
  private flushing: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly catalogue: Pick<NotificationCatalogue, 'record'>,
    private readonly log: Logger,
    /** Told when something new was noted, so that a sender in this process need not wait for its next look. */
    private readonly onRecorded: () => void = () => undefined,
    retryMs = RETRY_MS,
  ) {
    this.timer = setInterval(() => void this.flush(), retryMs).unref();
  }

  async tell(notice: Notice): Promise<void> {
    const clean = toPlain(notice) as Notice;
    this.log.log(LOG_LEVELS[notice.level], `notification: ${clean.happened}`, { notification: clean });
    if (this.kept.length >= MOST_KEPT)
      this.log.warn('a notification is given up: too many wait for the catalogue', {
        notification: this.kept.shift(),
      });
    this.kept.push(clean);
    await Promise.race([this.flush(), sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  /** Makes a last attempt to note what is kept. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.race([this.flush(), sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  private flush(): Promise<void> {
    this.flushing ??= this.recordAll().finally(() => {
      this.flushing = undefined;
    });
    return this.flushing;
  }

  private async recordAll(): Promise<void> {
    for (let next = this.kept[0]; next !== undefined; next = this.kept[0]) {
      try {
        await this.catalogue.record(next);
        this.onRecorded();
      } catch (error) {
        if (isForNow(error)) {
          this.log.warn('notifications wait for the catalogue', { waiting: this.kept.length, error });
          return;
        }
        this.log.error('a notification can not be noted and is given up', { notification: next, error });
      }
      this.kept = this.kept.filter((one) => one !== next);
    }
  }
}

function isForNow(error: unknown): boolean {
  return !(error instanceof CCATDataOperationError) || error.retryable;
}
