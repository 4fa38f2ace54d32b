import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createProbe, type AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { ConfigurationError } from '../core/exceptions.js';
import type { Logger } from '../core/logging.js';

/** How long the SDK's own exporter may take to answer, in milliseconds. */
const SDK_TIMEOUT_MS = 2000;

export interface MetricsServer {
  /** `http://host:port/metrics` */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves the process's metrics, and those of the Temporal SDK with them: one address to scrape for each process.
 *
 * @param sdkAddress `host:port` of the SDK's exporter, which listens on its own
 * @param refresh sets the gauges before each answer
 * @throws ConfigurationError when the address can't be listened on
 */
export async function serveMetrics(
  address: { host: string; port: number },
  registry: Registry,
  sdkAddress: string | undefined,
  log: Logger,
  refresh: () => Promise<unknown> = () => Promise.resolve(),
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('metrics are at /metrics\n');
      return;
    }
    Promise.all([refresh().then(() => registry.metrics()), sdkMetrics(sdkAddress, log)]).then(
      ([own, sdk]) => response.writeHead(200, { 'content-type': registry.contentType }).end(`${own}\n${sdk}`),
      (error: unknown) => {
        log.warn('the metrics could not be collected', { error });
        response.writeHead(500).end();
      },
    );
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const url = `http://${host}:${port}/metrics`;
  log.info('metrics are served', { metrics: url });
  return {
    url,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A port of loopback that is free now. Whoever else takes it first is noticed, and another one is tried. */
export async function freePort(): Promise<number> {
  const probe = createProbe().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ConfigurationError(`the metrics can't be served at ${host}:${port}: ${String(cause)}`, {
      subject: 'CCAT_DATA_TRANSFER_METRICS',
      advice: 'give each process on a host a port of its own, or 0 for any that is free',
      cause,
    });
  }
}

/** The SDK's part. A scrape without it is better than none. */
async function sdkMetrics(address: string | undefined, log: Logger): Promise<string> {
  if (address === undefined) return '';
  try {
    const response = await fetch(`http://${address}/metrics`, {
      signal: AbortSignal.timeout(SDK_TIMEOUT_MS),
    });
    return await response.text();
  } catch (error) {
    log.warn("the Temporal SDK's metrics did not answer", { error });
    return '';
  }
}
