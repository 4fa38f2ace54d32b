import type { Channel } from './channel.js';
import { EmailChannel } from './email-channel.js';
import type { ChannelSettings } from './settings.js';
import { WebhookChannel } from './webhook-channel.js';

/** @throws ConfigurationError where the channel's address is none */
export function makeChannel(settings: ChannelSettings): Channel {
  return settings.type === 'email' ? new EmailChannel(settings) : new WebhookChannel(settings);
}
