import type { Secret } from '../utilities/secret.js';
import type { Notice, NotificationLevel } from './notice.js';

/** How people are told, and when not again. */
export interface NotificationSettings {
  channels: ChannelSettings[];
  /** The same thing (kind and subject) is told again after this long at the earliest, with how often it happened. */
  repeatSeconds: number;
  /** Messages of one channel within an hour; critical ones are counted on their own. */
  perHour: number;
  /** Tries of one message before it is given up. */
  attempts: number;
  /** Where the Temporal UI is, for links: `https://temporal.observatory.example`. */
  temporalUi?: string;
  /** The Temporal namespace, for links. */
  namespace: string;
}

export interface Routing {
  /** Unique; what metrics, `cdt notify` and the catalogue call it. */
  name: string;
  levels: readonly NotificationLevel[];
  /** Only these kinds; all where absent. */
  kinds?: readonly string[];
  /** Not these kinds. */
  exceptKinds?: readonly string[];
}

export type ChannelSettings = Routing &
  (
    | { type: 'email'; server: Secret; from: string; to: readonly string[]; caFile?: string }
    | { type: 'slack' | 'mattermost'; url: Secret }
    | { type: 'matrix'; homeserver: string; room: string; token: Secret }
  );

/** The names of the channels that a notice goes to. */
export function channelsFor(notice: Pick<Notice, 'level' | 'kind'>, channels: readonly Routing[]): string[] {
  return channels
    .filter(
      (channel) =>
        channel.levels.includes(notice.level) &&
        (channel.kinds === undefined || channel.kinds.includes(notice.kind)) &&
        channel.exceptKinds?.includes(notice.kind) !== true,
    )
    .map((channel) => channel.name);
}
