import type { Logger } from './logging.js';

export const NOTIFICATION_LEVELS = ['info', 'warning', 'critical'] as const;
export type NotificationLevel = (typeof NOTIFICATION_LEVELS)[number];

/** Something that people should hear of. */
export interface Notice {
  level: NotificationLevel;
  /** What sort of thing it is, in snake case: `operator_needed`, `buffer_critical`; routing is configured by it. */
  kind: string;
  /** What it is about: a package's name, a location as `site.location`, a route, a queue. With `kind` it says what is the same thing told again. */
  subject: string;
  /** What happened, as a sentence. */
  happened: string;
  /** What the system has done about it by itself. */
  tried?: string;
  /** What a person can do. */
  advice?: string;
  /** The workflow to look at, for a link. */
  workflowId?: string;
}

export interface Notifications {
  /** Tells people of something. Never throws, never waits for a mail server: what can't be told now is told later, and is logged in any case. */
  tell(notice: Notice): Promise<void>;
}

const LOG_LEVELS = { info: 'info', warning: 'warn', critical: 'error' } as const;

/** Tells the log alone. */
export class LogNotifications implements Notifications {
  constructor(private readonly log: Logger) {}

  tell(notice: Notice): Promise<void> {
    this.log.log(LOG_LEVELS[notice.level], `notification: ${notice.happened}`, { notification: notice });
    return Promise.resolve();
  }
}
