import type { Notice, OutgoingMessage } from '../notifications/notice.js';
import type { Routing } from '../notifications/settings.js';
import * as notifications from './catalogue/notifications.js';
import type { Transactions } from './transactions.js';

/** What people are told of, shared by all workers. Throws as {@link Catalogue} does. */
export class NotificationCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Notes something to tell. The same kind about the same subject counts up. */
  record(notice: Notice): Promise<void> {
    return this.transactions.write((manager) => notifications.recordNotice(manager, notice));
  }

  /** Hands what is due to the channels that it goes to; returns how many notices that were. */
  dispatch(channels: readonly Routing[], repeatSeconds: number): Promise<number> {
    return this.transactions.write((manager) => notifications.dispatch(manager, channels, repeatSeconds));
  }

  /** Takes what a channel may send now. Whoever takes a message tells what became of it. */
  claim(channel: string, perHour: number): Promise<OutgoingMessage[]> {
    return this.transactions.write((manager) => notifications.claim(manager, channel, perHour));
  }

  recordSent(messageId: string): Promise<void> {
    return this.transactions.write((manager) => notifications.recordSent(manager, messageId));
  }

  /** @param again seconds until the next try; given up where absent */
  recordNotSent(messageId: string, error: string, again: number | undefined): Promise<void> {
    return this.transactions.write((manager) =>
      notifications.recordNotSent(manager, messageId, error, again),
    );
  }

  /** How each channel fares. */
  channels(): Promise<notifications.ChannelState[]> {
    return this.transactions.read((manager) => notifications.channelStates(manager));
  }
}
