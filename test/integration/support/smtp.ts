import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SMTPServer } from 'smtp-server';

export interface Mail {
  user: string | undefined;
  secure: boolean;
  to: string[];
  /** As it came over the wire, quoted-printable undone. */
  text: string;
}

export interface MailServer {
  port: number;
  /** The certificate that the server has, for whoever is to trust it. */
  caFile: string;
  mails: Mail[];
  /** Refuse or take recipients. */
  refuse: { recipients?: number };
}

export const USER = { name: 'observatory', password: 'correct horse/battery' };

/** Runs a test beside a real mail server on loopback, with TLS by a certificate of its own and one user. */
export async function withMailServer(
  options: { secure: boolean },
  work: (server: MailServer) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'cdt-test-smtp-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...[
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
  ]);
  const mails: Mail[] = [];
  const refuse: MailServer['refuse'] = {};
  const server = new SMTPServer({
    secure: options.secure,
    key: await readFile(key),
    cert: await readFile(cert),
    authOptional: true,
    onAuth: ({ username, password }, _session, done) =>
      username === USER.name && password === USER.password
        ? done(null, { user: username })
        : done(Object.assign(new Error('no such user'), { responseCode: 535 })),
    onRcptTo: (_address, _session, done) =>
      refuse.recipients === undefined
        ? done()
        : done(Object.assign(new Error('not now'), { responseCode: refuse.recipients })),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({
          user: session.user as string | undefined,
          secure: session.secure,
          to: session.envelope.rcptTo.map(({ address }) => address),
          text: unquoted(Buffer.concat(chunks).toString('utf8')),
        });
        done();
      });
    },
  });
  // What clients break off is theirs to tell.
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  try {
    await work({ port: (listener.address() as AddressInfo).port, caFile: cert, mails, refuse });
  } finally {
    await new Promise<void>((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  }
}

function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
