import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import {
  CCATDataOperationError,
  ConfigurationError,
  NetworkError,
  PermanentError,
  ServiceUnavailableError,
} from '../../../src/core/exceptions.js';
import { S3ArchiveStore } from '../../../src/core/storage/s3-archive-store.js';
import { Secret } from '../../../src/core/utilities/secret.js';
import { TestAuthority } from '../../support/certificates.js';
import { withScratch } from '../../support/scratch.js';

const MIB = 1024 * 1024;
const SECRET = 'a-very-secret-value';
const content = randomBytes(3 * MIB + 17);
const expected = { bytes: content.length, sha256: sha256(content) };
const head = (status: string, ...fields: string[]) => `HTTP/1.1 ${[status, ...fields].join('\r\n')}\r\n\r\n`;
const whole = head('200 OK', `Content-Length: ${content.length}`);
const refusal = (status: string, code: string) => {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return `${head(status, `Content-Length: ${body.length}`)}${body}`;
};

test('an object is digested in whichever pieces its answer comes', async () => {
  const pieces = (...sizes: number[]) => [
    ...sizes.map((size, at) => content.subarray(sum(sizes.slice(0, at)), sum(sizes.slice(0, at)) + size)),
    content.subarray(sum(sizes)),
  ];
  const answers: [string, (string | Buffer)[]][] = [
    ['at once', [Buffer.concat([Buffer.from(whole), content])]],
    ['the head alone', [whole, content]],
    ['the head in two', [whole.slice(0, 20), whole.slice(20), ...pieces(1, 70_000, 3)]],
    [
      'one byte with the head',
      [Buffer.concat([Buffer.from(whole), content.subarray(0, 1)]), content.subarray(1)],
    ],
    ['after another head', [head('100 Continue'), whole, content]],
    ['more than it said', [whole, Buffer.concat([content, Buffer.from('HTTP/1.1 200 OK')])]],
    ['until the end', [head('200 OK', 'Connection: close'), ...pieces(5, 100_000)]],
    [
      'in chunks',
      [
        head('200 OK', 'Transfer-Encoding: chunked'),
        ...pieces(1, 70_000).map((piece) =>
          Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
        ),
        '0\r\n\r\n',
      ],
    ],
  ];
  for (const [how, parts] of answers)
    await withServer(
      async (socket) => {
        for (const part of parts) {
          socket.write(part);
          await sleep(20);
        }
        socket.end();
      },
      async (store) => assert.deepEqual(await store.readBack('x'), expected, how),
    );
});

test('ranges are digested each by itself, and an empty object has its digest', async () => {
  const ranges = [
    { offset: 0, bytes: 1 },
    { offset: 262_143, bytes: 70_000 },
    { offset: content.length - 1, bytes: 1 },
  ];
  await withServer(
    (socket) => socket.end(Buffer.concat([Buffer.from(whole), content])),
    async (store) =>
      assert.deepEqual(await store.readBack('x', { ranges }), {
        ...expected,
        ranges: ranges.map((range) => ({
          ...range,
          sha256: sha256(content.subarray(range.offset, range.offset + range.bytes)),
        })),
      }),
  );
  await withServer(
    (socket) => socket.end(head('200 OK', 'Content-Length: 0')),
    async (store) =>
      assert.deepEqual(await store.readBack('x'), { bytes: 0, sha256: sha256(Buffer.alloc(0)) }),
  );
});

test('what a store says instead of an object has its class, and a store that is busy for a moment is asked again', async () => {
  const cases = [
    [refusal('404 Not Found', 'NoSuchKey'), PermanentError, 1],
    [refusal('404 Not Found', 'NoSuchBucket'), ConfigurationError, 1],
    [refusal('403 Forbidden', 'AccessDenied'), ConfigurationError, 1],
    [refusal('503 Slow Down', 'SlowDown'), ServiceUnavailableError, 2],
    [refusal('500 Internal Server Error', 'InternalError'), ServiceUnavailableError, 2],
    [
      `${head('502 Bad Gateway', 'Content-Length: 9000000')}${'x'.repeat(9_000_000)}`,
      ServiceUnavailableError,
      2,
    ],
  ] as const;
  for (const [answer, Class, asked] of cases)
    await withServer(
      (socket) => socket.end(answer),
      async (store, requests) => {
        await assert.rejects(store.readBack('x'), (error) => {
          assert.ok(error instanceof Class, `${String(error)} to ${answer.slice(0, 40)}`);
          assert.ok(!describe(error).includes('Signature='), 'it tells nothing of the request');
          return true;
        });
        assert.equal(requests.length, asked, answer.slice(0, 40));
      },
    );
  await withServer(
    (socket, asked) =>
      socket.end(
        asked === 1 ? refusal('503 Slow Down', 'SlowDown') : Buffer.concat([Buffer.from(whole), content]),
      ),
    async (store) => assert.deepEqual(await store.readBack('x'), expected),
  );
});

test('an object that breaks off, or of which nothing comes any more, is a network error', async () => {
  const answers: [string, (socket: Socket) => unknown][] = [
    [
      'ends before its length',
      (socket) => socket.end(Buffer.concat([Buffer.from(whole), content.subarray(1)])),
    ],
    [
      'is cut',
      (socket) =>
        socket.write(Buffer.concat([Buffer.from(whole), content.subarray(1)]), () =>
          socket.resetAndDestroy(),
        ),
    ],
    [
      'ends before its last chunk',
      (socket) => socket.end(`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nabcde\r\n`),
    ],
    ['falls silent', (socket) => socket.write(Buffer.concat([Buffer.from(whole), content.subarray(1)]))],
    ['falls silent after its head', (socket) => socket.write(whole)],
    ['is never answered', () => undefined],
    ['ends at once', (socket) => socket.end()],
    ['is no HTTP', (socket) => socket.end('220 mail.example ESMTP\r\n')],
  ];
  for (const [how, answer] of answers)
    await withServer(answer, async (store) => {
      await assert.rejects(store.readBack('x'), (error) => {
        assert.ok(error instanceof NetworkError, `${how}: ${String(error)}`);
        return true;
      });
    });
});

test('what comes slowly is told each second, and whoever holds it back is not taken for silent', async () => {
  const slow = content.subarray(0, 2 * MIB);
  await withServer(
    async (socket) => {
      socket.write(head('200 OK', `Content-Length: ${slow.length}`));
      for (let at = 0; at < slow.length; at += MIB / 2) {
        socket.write(slow.subarray(at, at + MIB / 2));
        await sleep(600);
      }
    },
    async (store) => {
      const told: number[] = [];
      const read = await store.readBack('x', { onProgress: (bytes) => told.push(bytes) });
      assert.deepEqual(read, { bytes: slow.length, sha256: sha256(slow) });
      assert.ok(told.length >= 2 && told.every((bytes, at) => bytes > (told[at - 1] ?? 0)), told.join());
    },
  );
  await withServer(
    (socket) => socket.write(Buffer.concat([Buffer.from(whole), content])),
    async (store) => {
      let paced = 0;
      const pace = async (bytes: number) => {
        // Longer than the store may be silent.
        if (paced === 0) await sleep(1500);
        paced += bytes;
      };
      assert.deepEqual(await store.readBack('x', { pace }), expected);
      assert.equal(paced, content.length);
    },
  );
});

test('whoever stops it gets the reason at once, and the connection is closed', async () => {
  for (const answer of ['', whole, Buffer.concat([Buffer.from(whole), content.subarray(1)])])
    await withServer(
      (socket) => socket.write(answer),
      async (store, _, sockets) => {
        const control = new AbortController();
        const reason = new Error('stopped in the middle');
        const reading = assert.rejects(store.readBack('x', { signal: control.signal }), reason);
        await sleep(400);
        control.abort(reason);
        await reading;
        for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
        await assert.rejects(store.readBack('x', { signal: control.signal }), reason);
      },
      60,
    );
});

test('what an authority of this process vouches for is read over TLS, and nothing else', (t) =>
  withScratch(t, async (directory) => {
    const authority = new TestAuthority(directory);
    const { certificate: cert, key } = authority.issue('store', { names: ['localhost'] });
    const server = createTlsServer({ cert, key }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(whole), content])));
    });
    server.on('tlsClientError', () => undefined);
    await withListening(server, async (port) => {
      const endpoint = `https://localhost:${port}`;
      await assert.rejects(storeAt(endpoint).readBack('x'), NetworkError);
      const program = `
        import { S3ArchiveStore } from ${JSON.stringify(import.meta.resolve('../../../src/core/storage/s3-archive-store.js'))};
        import { Secret } from ${JSON.stringify(import.meta.resolve('../../../src/core/utilities/secret.js'))};
        const store = new S3ArchiveStore({ endpoint: '${endpoint}', region: 'r', accessKeyId: 'a', secretAccessKey: new Secret('b'), bucket: 'bucket' });
        console.log(JSON.stringify(await store.readBack('x')));`;
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(directory, 'authority.pem') };
      const words = ['--input-type=module', '-e', program];
      const { stdout } = await promisify(execFile)(process.execPath, words, { env });
      assert.deepEqual(JSON.parse(stdout), expected);
    });
  }));

function storeAt(endpoint: string, idleSeconds = 1): S3ArchiveStore {
  return new S3ArchiveStore({
    endpoint,
    region: 'us-east-1',
    accessKeyId: 'someone',
    secretAccessKey: new Secret(SECRET),
    bucket: 'bucket',
    idleSeconds,
  });
}

/** Runs beside a store that answers each request in some way. */
async function withServer(
  answer: (socket: Socket, asked: number) => unknown,
  run: (store: S3ArchiveStore, requests: string[], sockets: Set<Socket>) => Promise<void>,
  idleSeconds?: number,
): Promise<void> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      requests.push(String(request));
      void answer(socket, requests.length);
    });
  });
  await withListening(server, async (port) => {
    try {
      await run(storeAt(`http://127.0.0.1:${port}`, idleSeconds), requests, sockets);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
}

async function withListening(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  server.listen(0);
  await once(server, 'listening');
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

/** All that could come into a log or a history of it. */
function describe(error: unknown): string {
  if (!(error instanceof CCATDataOperationError)) return String(error);
  return JSON.stringify([error, error.message, error.stack, error.context, String(error.cause)]);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
