import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpRequest {
  method: string;
  path: string;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

export interface HttpServer {
  url: string;
  requests: HttpRequest[];
}

/** Runs a test beside an HTTP server on loopback that answers as `answer` says. */
export async function withHttpServer(
  answer: (request: HttpRequest) => { status: number; body?: string; headers?: Record<string, string> },
  work: (server: HttpServer) => Promise<void>,
): Promise<void> {
  const requests: HttpRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
      requests.push(request);
      const { status, body = '', headers: more = {} } = answer(request);
      response.writeHead(status, more).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await work({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests });
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}
