import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { createHash, createHmac } from 'node:crypto';
import type { S3Settings } from '../../../src/core/storage/s3-settings.js';

/** What a store is made to do worse than the real one behind it. */
export interface Quirks {
  /** Whether it answers 501 NotImplemented to such a request. */
  refuses?: (asked: { method: string; url: URL; headers: IncomingMessage['headers'] }) => boolean;
  /** Headers that it does not look at. */
  ignores?: RegExp;
  /** What it gives for ETags. */
  etag?: string;
  /** Whether one byte of the body of such a request is changed on its way; asked once for each. */
  damages?: Quirks['refuses'];
}

type Headers = Record<string, string>;

/**
 * The real store behind a server of its own that refuses or ignores some of what is asked. As it changes what was signed, it
 * signs again (AWS Signature Version 4), with a body that no signature covers.
 */
export async function withQuirkyStore(
  settings: S3Settings,
  quirks: Quirks,
  run: (settings: S3Settings) => Promise<void>,
): Promise<void> {
  const target = new URL(settings.endpoint ?? '');
  const server = createServer((asked, answer) => {
    const url = new URL(asked.url ?? '/', target);
    if (quirks.refuses?.({ method: asked.method ?? '', url, headers: asked.headers }) === true) {
      asked.resume();
      asked.once('end', () => refuse(answer));
      return;
    }
    const headers = signedAnew(settings, asked, url, quirks.ignores ?? /^$/);
    const onward = request(target, { method: asked.method, path: asked.url, headers }, (given) => {
      const told = { ...given.headers };
      // Of parts it is named again when the upload is completed.
      if (quirks.etag !== undefined && told.etag !== undefined && !url.searchParams.has('uploadId'))
        told.etag = quirks.etag;
      answer.writeHead(given.statusCode ?? 502, told);
      given.pipe(answer);
    });
    onward.once('error', () => answer.destroy());
    answer.once('close', () => onward.destroy());
    asked.once('close', () => {
      if (!asked.complete) onward.destroy();
    });
    const damages = quirks.damages?.({ method: asked.method ?? '', url, headers: asked.headers }) === true;
    (damages ? asked.pipe(changingOneByte()) : asked).pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    await run({ ...settings, endpoint: `http://127.0.0.1:${port}` });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function changingOneByte(): Transform {
  let changed = false;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (!changed) chunk[0]! ^= 1;
      changed = true;
      done(null, chunk);
    },
  });
}

function refuse(answer: ServerResponse): void {
  answer.writeHead(501, { 'content-type': 'application/xml', connection: 'close' });
  answer.end('<Error><Code>NotImplemented</Code><Message>this store can not do that</Message></Error>');
}

function signedAnew(settings: S3Settings, asked: IncomingMessage, url: URL, ignored: RegExp): Headers {
  const dropped = /^(authorization|host|connection|expect|x-amz-date|x-amz-content-sha256)$/;
  const kept = Object.entries(asked.headers).filter(([name]) => !dropped.test(name) && !ignored.test(name));
  const now = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const streamed = asked.headers['x-amz-content-sha256']?.toString().startsWith('STREAMING') === true;
  const payload = streamed ? String(asked.headers['x-amz-content-sha256']) : 'UNSIGNED-PAYLOAD';
  const signed: Headers = {
    ...Object.fromEntries(
      kept.filter(([name]) => name.startsWith('x-amz-')).map(([name, value]) => [name, String(value)]),
    ),
    host: url.host,
    'x-amz-content-sha256': payload,
    'x-amz-date': now,
  };
  const names = Object.keys(signed).sort();
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonical = [
    asked.method,
    url.pathname,
    query,
    ...names.map((name) => `${name}:${signed[name]?.trim()}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
  const scope = `${now.slice(0, 8)}/${settings.region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', now, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = scope
    .split('/')
    .reduce<Buffer | string>(
      (secret, part) => hmac(secret, part),
      `AWS4${settings.secretAccessKey.reveal()}`,
    );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
    ...signed,
    authorization: `AWS4-HMAC-SHA256 Credential=${settings.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
