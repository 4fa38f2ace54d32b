import type { Problem } from '../database/records.js';
import type { NotificationCatalogue } from '../database/notification-catalogue.js';
import { CCATDataOperationError } from '../exceptions.js';
import type { Logger } from '../logging.js';
import type { Metrics } from '../metrics.js';
import type { Channel } from './channel.js';
import type { OutgoingMessage } from './notice.js';
import type { NotificationSettings } from './settings.js';
import { wording } from './wording.js';

const LOOK_MS = 5000;
/** The wait before the second try; doubled from try to try. */
const FIRST_WAIT_SECONDS = 30;
const LONGEST_WAIT_SECONDS = 3600;

/** What the delivery needs of the catalogue. */
export interface DeliveryCatalogue {
  notifications: Pick<NotificationCatalogue, 'dispatch' | 'claim' | 'recordSent' | 'recordNotSent'>;
  reportProblem(
    problem: Pick<Problem, 'errorClass' | 'operation' | 'subject' | 'message' | 'advice'>,
  ): Promise<void>;
  resolveProblems(which: { operation: string; subject: string }): Promise<void>;
}

/**
 * Tells people what the catalogue holds for them. Any number of processes may do so at once: each message is taken by one. What
 * can't be told is tried again some times, then logged, counted and shown as a problem; nothing else notices.
 */
export class NotificationDelivery {
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | undefined;
  private wanted = false;
  private catalogueAway = false;

  constructor(
    private readonly catalogue: DeliveryCatalogue,
    private readonly channels: Channel[],
    private readonly settings: NotificationSettings,
    private readonly log: Logger,
    private readonly metrics: Metrics,
    lookMs = LOOK_MS,
  ) {
    this.timer = setInterval(() => this.wake(), lookMs).unref();
  }

  /** Has it look now. */
  wake(): void {
    this.wanted = true;
    this.running ??= this.work().finally(() => {
      this.running = undefined;
    });
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.wanted = false;
    await this.running;
  }

  private async work(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      try {
        await this.deliver();
        this.catalogueAway = false;
      } catch (error) {
        // Once for each outage, not at each look.
        if (!this.catalogueAway) this.log.warn('notifications can not be told for now', { error });
        this.catalogueAway = true;
      }
    }
  }

  /** One round: everything that may be told now. */
  async deliver(): Promise<void> {
    const { channels, repeatSeconds, perHour } = this.settings;
    while ((await this.catalogue.notifications.dispatch(channels, repeatSeconds)) > 0);
    for (const channel of this.channels)
      for (const message of await this.catalogue.notifications.claim(channel.name, perHour))
        await this.send(channel, message);
  }

  private async send(channel: Channel, message: OutgoingMessage): Promise<void> {
    const about = { operation: 'notification', subject: channel.name };
    const { notifications } = this.catalogue;
    const count = (outcome: string) =>
      this.metrics.notifications.inc({ channel: channel.name, level: message.level, outcome });
    try {
      await channel.send(message, wording(message, this.settings));
    } catch (error) {
      const known = error instanceof CCATDataOperationError ? error : undefined;
      const again = message.attempt < this.settings.attempts;
      const text = error instanceof Error ? error.message : String(error);
      await notifications.recordNotSent(
        message.id,
        text,
        again ? waitSeconds(message.attempt, known?.retryAfterSeconds) : undefined,
      );
      count(again ? 'retried' : 'failed');
      this.log.log(
        again ? 'warn' : 'error',
        again ? 'a message was not told; it is tried again' : 'a message is given up',
        {
          ...about,
          attempt: message.attempt,
          error,
          ...(again ? {} : { notices: message.notices }),
        },
      );
      await this.catalogue.reportProblem({
        ...about,
        errorClass: known?.name ?? 'CCATDataOperationError',
        message: `the channel can't be told: ${text}`,
        advice:
          known?.advice ??
          'Try it with `cdt notify test`. What it was to tell is in the log and in `cdt problems`.',
      });
      return;
    }
    await notifications.recordSent(message.id);
    count('sent');
    await this.catalogue.resolveProblems(about);
  }
}

function waitSeconds(attempt: number, asked = 0): number {
  return Math.max(asked, Math.min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS));
}
