import { ConfigurationError, NetworkError, PermanentError, ServiceUnavailableError } from '../exceptions.js';
import { SEND_TIMEOUT_MS, type Channel } from './channel.js';
import type { OutgoingMessage } from './notice.js';
import type { ChannelSettings } from './settings.js';
import type { Wording } from './wording.js';

type WebhookSettings = Extract<ChannelSettings, { type: 'slack' | 'mattermost' | 'matrix' }>;

interface Post {
  method: 'POST' | 'PUT';
  url: string;
  headers: Record<string, string>;
  body: Record<string, string>;
}

/** Longest text: Slack cuts at 40,000 characters, Mattermost refuses above 16,383, Matrix events hold 64 kB in all. */
const TEXT_LENGTH = 12_000;

/**
 * A message in a chat, over HTTP.
 *
 * - `slack`, `mattermost`: an incoming webhook, `{ "text": ... }`
 * - `matrix`: the client-server API's `PUT /_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}`; the transaction is the message's
 *   ID, so that what is tried again is shown once
 */
export class WebhookChannel implements Channel {
  readonly name: string;
  private readonly host: string;

  constructor(private readonly settings: WebhookSettings) {
    this.name = settings.name;
    this.host = hostOf(settings);
  }

  async send(message: OutgoingMessage, words: Wording): Promise<string> {
    const { method, url, headers, body } = post(this.settings, message, words);
    let response: Response;
    let answer: string;
    try {
      response = await fetch(url, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        // Whoever answers for the address now must not send the token elsewhere.
        redirect: 'manual',
        signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
      });
      answer = (await response.text()).slice(0, 200);
    } catch (error) {
      // The URL is the secret of an incoming webhook: only its host is told.
      throw new NetworkError(`${this.said()} can't be reached: ${reason(error)}`, this.details());
    }
    if (response.ok) return `${response.status}${answer === '' ? '' : ` ${answer}`}`;
    const said = `${this.said()} answered ${response.status} ${answer}`.trim();
    if (response.status === 429 || response.status >= 500)
      throw new ServiceUnavailableError(said, {
        ...this.details(),
        retryAfterSeconds: waitAsked(response, answer),
      });
    throw new PermanentError(said, {
      ...this.details(),
      advice: 'check the address, room and token of the channel where they were made',
    });
  }

  private said(): string {
    return `${this.settings.type} at ${this.host} (channel ${this.name})`;
  }

  private details(): { operation: string; subject: string } {
    return { operation: 'notification', subject: this.name };
  }
}

function post(settings: WebhookSettings, message: OutgoingMessage, { title, text }: Wording): Post {
  const plain = `${title}\n${text}`.slice(0, TEXT_LENGTH);
  switch (settings.type) {
    case 'slack':
      return {
        method: 'POST',
        url: settings.url.reveal(),
        headers: {},
        // The three characters that Slack's own markup is made of; names from outside can't mention anybody with them.
        body: { text: plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') },
      };
    case 'mattermost':
      return {
        method: 'POST',
        url: settings.url.reveal(),
        headers: {},
        // A zero-width space behind each @: a name from outside must not wake the whole channel.
        body: { text: plain.replaceAll('@', '@\u200b') },
      };
    case 'matrix':
      return {
        method: 'PUT',
        url: `${settings.homeserver.replace(/\/+$/, '')}/_matrix/client/v3/rooms/${encodeURIComponent(settings.room)}/send/m.room.message/${encodeURIComponent(message.id)}`,
        headers: { authorization: `Bearer ${settings.token.reveal()}` },
        // Not m.notice: by the default rules nobody's telephone rings for those.
        body: { msgtype: 'm.text', body: plain },
      };
  }
}

function hostOf(settings: WebhookSettings): string {
  const address = settings.type === 'matrix' ? settings.homeserver : settings.url.reveal();
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url.host;
  throw new ConfigurationError(`channel ${settings.name}: its address is not an http(s) URL`, {
    subject: settings.name,
    advice: 'give the address as the chat server shows it',
  });
}

/** Seconds, from the header (Slack, Mattermost, Matrix since 1.10) or from a Matrix answer's `retry_after_ms`. */
function waitAsked(response: Response, answer: string): number | undefined {
  const header = Number(response.headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(header) && header >= 0) return header;
  const inBody = /"retry_after_ms"\s*:\s*(\d+)/.exec(answer)?.[1];
  return inBody === undefined ? undefined : Math.ceil(Number(inBody) / 1000);
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${SEND_TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
