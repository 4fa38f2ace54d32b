/** The words of notifications: what is told, to whom, and what one channel is handed. */

export const NOTIFICATION_LEVELS = ['info', 'warning', 'critical'] as const;
export type NotificationLevel = (typeof NOTIFICATION_LEVELS)[number];

/** Something that people should hear of. */
export interface Notice {
  level: NotificationLevel;
  /** What sort of thing it is, in snake case: `operator_needed`, `buffer_critical`; routing is configured by it. */
  kind: string;
  /**
   * What it is about: a package's name, a location as `site.location`, a route, a queue. With `kind` it says what is the same thing
   * told again.
   */
  subject: string;
  /** What happened, as a sentence. */
  happened: string;
  /** What the system has done about it by itself. */
  tried?: string;
  /** What a person can do. */
  advice?: string;
  /** The workflow to look at, for a link. */
  workflowId?: string;
  /** The kinds of earlier notices about the same subject which this one ends: told again, those are news. */
  resolves?: string | readonly string[];
}

/** A notice as it is told: with how often it happened since when. */
export interface ToldNotice extends Omit<Notice, 'resolves'> {
  /** Times since {@link firstAt}, this one included. */
  count: number;
  /** ISO 8601. */
  firstAt: string;
  lastAt: string;
}

/** A channel's share of the work: one message, about one notice or about all that were held back. */
export interface OutgoingMessage {
  /** UUID; the same when the message is tried again. */
  id: string;
  channel: string;
  level: NotificationLevel;
  notices: ToldNotice[];
  /** This try, from 1. */
  attempt: number;
}

/** The higher of the levels. */
export function highestLevel(levels: NotificationLevel[]): NotificationLevel {
  const rank = (level: NotificationLevel) => NOTIFICATION_LEVELS.indexOf(level);
  return levels.reduce((highest, level) => (rank(level) > rank(highest) ? level : highest), 'info');
}
