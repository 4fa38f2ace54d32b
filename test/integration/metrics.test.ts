import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { entry, observatory, planPackages, resultOf } from './support/catalogue-fixture.js';
import { freePort, withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';

const PROGRAM = fileURLToPath(new URL('../../src/worker/main.js', import.meta.url));

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

interface Exposition {
  /** By the metric's own name, without the suffixes of a histogram's samples. */
  types: Map<string, string>;
  helps: Map<string, string>;
  samples: Sample[];
}

/**
 * Reads Prometheus' text format, and throws at everything that is none
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 */
function parseExposition(text: string): Exposition {
  const found: Exposition = { types: new Map(), helps: new Map(), samples: [] };
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) ?(.*)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const map = kind === 'HELP' ? found.helps : found.types;
      if (map.has(name)) throw new Error(`${kind} of ${name} twice`);
      map.set(name, rest);
    } else if (!line.startsWith('#')) found.samples.push(parseSample(line));
  }
  return found;
}

function parseSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] =
    /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '') throw new Error(`no sample: ${line}`);
  const number = Number(value.replace('Inf', 'Infinity'));
  if (value === '' || (Number.isNaN(number) && value !== 'NaN')) throw new Error(`no number: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  if (pairs.map(([pair]) => pair).join('') !== labels) throw new Error(`no labels: ${line}`);
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, key = '', text = '']) => [key, text] as const)),
    value: number,
  };
}

/** What is not as https://prometheus.io/docs/practices/naming/ has it. */
function unconventional({ types, helps, samples }: Exposition, prefix: string): string[] {
  const own = [...types].filter(([name]) => name.startsWith(prefix));
  const words = own.flatMap(([name, type]) => [
    ...(/^[a-z][a-z0-9_]*$/.test(name) ? [] : [`${name}: not in snake case`]),
    ...((type === 'counter') === name.endsWith('_total') ? [] : [`${name}: a ${type}`]),
    ...(/_(ms|millis\w*|minutes|hours|kb|mb|gb|percent)(_|$)/.test(name) ? [`${name}: no base unit`] : []),
    ...(helps.get(name) ? [] : [`${name}: without help`]),
  ]);
  const known = (name: string) => types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, ''));
  const untyped = samples.filter(({ name }) => name.startsWith(prefix) && !known(name));
  return [...words, ...untyped.map(({ name }) => `${name}: without a type`)];
}

async function scrape(url: string): Promise<Exposition> {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return parseExposition(await response.text());
}

/** Waits until a worker answers, and its SDK counts something. */
async function whenCounting(worker: ChildProcess, url: string): Promise<Exposition> {
  for (let tries = 0; ; tries++) {
    assert.equal(worker.exitCode, null, 'the worker ended');
    const found = await scrape(url).catch((error: unknown) => {
      if (tries > 200) throw error;
      return undefined;
    });
    // The SDK may count before the worker has begun to.
    const counting = (found?: Exposition): found is Exposition =>
      found?.samples.some(({ name }) => name.startsWith('temporal_')) === true &&
      [...found.types.keys()].some((name) => name.startsWith('cdt_operation_'));
    if (counting(found)) return found;
    assert.ok(tries < 300, 'the SDK or the worker counts nothing');
    await sleep(100);
  }
}

test(
  'a worker of a site and the one beside the catalogue serve what they count at one address, the SDK with them, by the conventions',
  { timeout: 120_000 },
  () =>
    withTemporal((lab) =>
      withCatalogue(async ({ catalogue, url: databaseUrl }) => {
        const at = await observatory(catalogue);
        await catalogue.registerEntries(at.source.id, [entry('obs-1/a.fits')], 0);
        const [planned] = await planPackages(catalogue, at);
        await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id));
        await catalogue.registerEntries(
          at.source.id,
          [entry('obs-2/b.fits', { size: 700 }), entry('obs-2/c.fits', { size: 300 })],
          0,
        );
        const start = async (...words: string[]) => {
          const address = `127.0.0.1:${await freePort()}`;
          const worker = spawn(process.execPath, [PROGRAM, ...words], {
            env: {
              ...process.env,
              CCAT_DATA_TRANSFER_DATABASE_URL: databaseUrl,
              CCAT_DATA_TRANSFER_METRICS: address,
              TEMPORAL_NAMESPACE: lab.client.options.namespace,
            },
            stdio: ['ignore', 'ignore', 'ignore'],
          });
          return { worker, url: `http://${address}/metrics` };
        };
        // The catalogue's own is of another site: nothing is done to what is counted here.
        const workers = [await start('--site', 'us'), await start('--site', 'us', '--workflows')];
        try {
          const scrapes = await Promise.all(workers.map(({ worker, url }) => whenCounting(worker, url)));
          for (const found of scrapes) {
            assert.deepEqual(unconventional(found, 'cdt_'), []);
            assert.deepEqual(
              [...found.types.keys()].filter((name) => name.startsWith('cdt_operation_')).sort(),
              [
                'cdt_operation_duration_seconds',
                'cdt_operation_failures_total',
                'cdt_operation_rate_bytes_per_second',
                'cdt_operation_retries_total',
              ],
            );
            const sdk = found.samples.filter(({ name }) => name.startsWith('temporal_'));
            assert.ok(sdk.every(({ labels }) => labels['site'] === 'us'));
            assert.ok([...found.types.keys()].some((name) => name === 'process_cpu_seconds_total'));
          }
          const [, installation] = scrapes;
          const value = (name: string, labels: Record<string, string>) =>
            installation!.samples.find(
              (one) =>
                one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text),
            )?.value;
          const source = { site: 'ccat', location: 'chai' };
          assert.equal(value('cdt_catalogue_up', {}), 1);
          assert.equal(value('cdt_packages', { state: 'waiting' }), 1);
          assert.equal(value('cdt_waiting_files', source), 2);
          assert.equal(value('cdt_waiting_files_bytes', source), 1000);
          assert.ok(value('cdt_oldest_unarchived_package_age_seconds', source)! >= 0);
          assert.equal(value('cdt_packages', { state: 'archived' }), undefined);

          const { url } = workers[0]!;
          assert.equal((await fetch(url.replace('/metrics', '/other'))).status, 404);
          assert.equal((await fetch(url, { method: 'POST' })).status, 404);
        } finally {
          for (const { worker } of workers) {
            worker.kill('SIGKILL');
            if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
          }
        }
      }),
    ),
);
