import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import { ConfigurationError, NetworkError, PermanentError, ServiceUnavailableError } from '../exceptions.js';
import type { Channel } from './channel.js';
import { SEND_TIMEOUT_MS } from './channel.js';
import type { OutgoingMessage } from './notice.js';
import type { ChannelSettings } from './settings.js';
import type { Wording } from './wording.js';

type EmailSettings = Extract<ChannelSettings, { type: 'email' }>;

/** What nodemailer throws, as far as it is read here. */
interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
}

/**
 * Mail over SMTP. The server is `smtps://user:password@host:465`, or `smtp://user:password@host:587`, where a password is only given after
 * STARTTLS; `smtp://host:25` without one uses TLS where it is offered. Certificates are checked always.
 */
export class EmailChannel implements Channel {
  readonly name: string;
  private readonly server: URL;

  constructor(private readonly settings: EmailSettings) {
    this.name = settings.name;
    this.server = serverUrl(settings);
  }

  async send(message: OutgoingMessage, words: Wording): Promise<string> {
    const { from, to } = this.settings;
    const transport = createTransport(await this.options());
    try {
      const answer = await transport.sendMail({
        from,
        to: [...to],
        subject: words.title,
        text: `${words.text}\n`,
        // The same message tried again has the same ID: mailboxes show it once.
        messageId: `<${message.id}@cdt.invalid>`,
        priority: message.level === 'critical' ? 'high' : 'normal',
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      return answer.response;
    } catch (error) {
      throw this.classify(error as SmtpError);
    } finally {
      transport.close();
    }
  }

  private async options() {
    const { hostname, port, username, password } = this.server;
    const secure = this.server.protocol === 'smtps:';
    const { caFile } = this.settings;
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      // A password is never said in the clear.
      requireTLS: username !== '' && !secure,
      ...(username === ''
        ? {}
        : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
      tls: caFile === undefined ? {} : { ca: await readFile(caFile) },
      connectionTimeout: SEND_TIMEOUT_MS,
      greetingTimeout: SEND_TIMEOUT_MS,
      socketTimeout: SEND_TIMEOUT_MS,
      // Content comes from our own text only; nothing is fetched for it.
      disableFileAccess: true,
      disableUrlAccess: true,
    };
  }

  private classify(error: SmtpError): Error {
    const details = { operation: 'notification', subject: this.name, cause: error };
    const said = `the mail server ${this.server.hostname} (channel ${this.name}): ${error.message}`;
    if (error.code === 'EAUTH')
      return new PermanentError(said, { ...details, advice: 'correct the user and password of the channel' });
    if (error.code === 'ETLS')
      return new PermanentError(said, {
        ...details,
        advice: "give the certificate authority of the mail server as the channel's ca_file",
      });
    const answer = error.responseCode;
    if (answer !== undefined && answer >= 500)
      return new PermanentError(said, { ...details, advice: 'correct the addresses of the channel' });
    return answer === undefined
      ? new NetworkError(said, details)
      : new ServiceUnavailableError(said, details);
  }
}

function serverUrl({ name, server }: EmailSettings): URL {
  const text = server.reveal();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== '') return url;
  throw new ConfigurationError(`channel ${name}: the mail server is not an address`, {
    subject: name,
    advice: 'give smtps://user:password@host or smtp://host:port; special characters as %XX',
  });
}
