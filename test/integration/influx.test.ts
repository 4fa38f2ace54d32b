import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InfluxWriter, lineOf, type Point } from '../../src/core/influx.js';
import { makeLogger } from '../../src/core/logging.js';
import { Metrics } from '../../src/core/metrics.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { withHttpServer } from './support/http.js';

const log = makeLogger({ level: 'crit', format: 'text' });

interface Parsed {
  measurement: string;
  tags: Record<string, string>;
  fields: Record<string, number | bigint | string | boolean>;
  timestamp?: bigint;
}

/**
 * Reads the line protocol as its page says, and throws at everything else
 * (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/): a backslash escapes only what is special where it stands.
 */
function parseLine(line: string): Parsed {
  let at = 0;
  const word = (special: string, stops: string): string => {
    let text = '';
    for (; at < line.length; at++) {
      const [one = '', next = ''] = [line[at], line[at + 1]];
      if (one === '\\' && next !== '' && special.includes(next)) {
        text += next;
        at++;
      } else if (stops.includes(one)) break;
      else text += one;
    }
    if (text === '') throw new Error(`nothing at ${at} of ${line}`);
    return text;
  };
  const expect = (what: string) => {
    if (line[at++] !== what) throw new Error(`no "${what}" at ${at - 1} of ${line}`);
  };
  if (line.startsWith('#') || /[\r\n\0]/.test(line)) throw new Error(`no line: ${line}`);
  const measurement = word(', ', ', ');
  const tags: Parsed['tags'] = {};
  while (line[at] === ',') {
    at++;
    const key = word(',= ', ',= ');
    expect('=');
    if (Object.hasOwn(tags, key)) throw new Error(`tag ${key} twice`);
    tags[key] = word(',= ', ',= ');
  }
  expect(' ');
  const fields: Parsed['fields'] = {};
  do {
    if (Object.keys(fields).length > 0) expect(',');
    const key = word(',= ', ',= ');
    expect('=');
    fields[key] = value();
  } while (line[at] === ',');
  if (at === line.length) return { measurement, tags, fields };
  expect(' ');
  const time = line.slice(at);
  if (!/^-?\d{1,19}$/.test(time)) throw new Error(`no time: ${time}`);
  return { measurement, tags, fields, timestamp: BigInt(time) };

  function value(): number | bigint | string | boolean {
    if (line[at] === '"') {
      let text = '';
      for (at++; line[at] !== '"'; at++) {
        if (at >= line.length) throw new Error('a text without end');
        if (line[at] === '\\' && '"\\'.includes(line[at + 1] ?? '?')) at++;
        text += line[at] ?? '';
      }
      at++;
      return text;
    }
    const found = /^[^, ]+/.exec(line.slice(at))?.[0] ?? '';
    at += found.length;
    if (/^(true|false)$/.test(found)) return found === 'true';
    if (/^-?\d+i$/.test(found)) return BigInt(found.slice(0, -1));
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(found)) return Number(found);
    throw new Error(`no value: ${found}`);
  }
}

const of = (...characters: string[]) => fc.constantFrom(...characters);
const name = fc.string({
  minLength: 1,
  maxLength: 12,
  unit: of('a', 'b', ',', '=', ' ', '\\', '"', 'é', '\n', '#'),
});
const point: fc.Arbitrary<Point> = fc.record({
  measurement: name.filter((one) => !one.startsWith('#')),
  tags: fc.dictionary(
    name,
    fc.string({ maxLength: 12, unit: of('x', 'y', ',', '=', ' ', '\\', '"', 'ß', '\n') }),
  ),
  fields: fc.dictionary(
    name,
    fc.oneof(
      fc.double(),
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
      fc.boolean(),
      fc.string({ unit: of('a', 'b', ',', '=', ' ', '\\', '"', '\n') }),
    ),
  ),
  timestampNs: fc.bigInt({ min: 0n, max: 2n ** 62n }),
});

test('whatever a point is called and holds, its line is one, and says the same', () => {
  const line = (text: string) => text.replace(/[\r\n]+/g, ' ');
  // What can't be said: a backslash that would escape what follows.
  const said = (text: string) => line(text).replace(/\\(?=[\\,= ]|$)/g, '/');
  let lines = 0;
  fc.assert(
    fc.property(point, (given) => {
      const written = lineOf(given);
      const fits = (value: unknown) =>
        typeof value === 'bigint'
          ? BigInt.asIntN(64, value) === value
          : typeof value !== 'number' || Number.isFinite(value);
      const fields = Object.entries(given.fields).filter(([, value]) => fits(value));
      if (fields.length === 0) {
        assert.equal(written, undefined);
        return;
      }
      // Two names that become one are no matter of this test.
      const names = (all: string[]) => new Set(all.map(said)).size === all.length;
      fc.pre(names(Object.keys(given.tags)) && names(Object.keys(given.fields)));
      lines++;
      const parsed = parseLine(written!);
      assert.equal(parsed.measurement, said(given.measurement));
      assert.equal(parsed.timestamp, given.timestampNs);
      assert.deepEqual(
        { ...parsed.tags },
        Object.fromEntries(
          Object.entries(given.tags)
            .filter(([, value]) => value !== '')
            .map(([key, value]) => [said(key), said(value)]),
        ),
      );
      assert.deepEqual(
        { ...parsed.fields },
        Object.fromEntries(
          fields.map(([key, value]) => [
            said(key),
            typeof value === 'string' ? line(value) : Object.is(value, -0) ? 0 : value,
          ]),
        ),
      );
    }),
    { numRuns: 500 },
  );
  assert.ok(lines > 100);
});

test('points go to the bucket in batches, wait while the server is away, and are given up where it refuses them', async () => {
  const answers = [503, 204, 204, 400];
  await withHttpServer(
    () => ({ status: answers.shift() ?? 204 }),
    async ({ url, requests }) => {
      const metrics = new Metrics();
      const settings = { url: `${url}/`, org: 'ccat', bucket: 'data transfer', token: new Secret('s3cret') };
      const writer = new InfluxWriter(settings, log, metrics, { flushMs: 3_600_000 });
      const write = (count: number, from: number) => {
        for (let n = from; n < from + count; n++)
          writer.write({
            measurement: 'data_transfer',
            tags: { site: 'ccat', location: '' },
            fields: { bytes: BigInt(n), duration_seconds: 0.5 },
          });
      };
      write(900, 0);
      await writer.flush();
      write(600, 900);
      await writer.flush();
      write(1, 1500);
      await writer.close();

      assert.deepEqual(
        requests.map(({ body }) => body.split('\n').length),
        [900, 1000, 500, 1],
        'what was not taken is sent again, at most 1000 lines at once',
      );
      for (const { method, path, headers, body } of requests) {
        assert.equal(method, 'POST');
        assert.equal(path, '/api/v2/write?org=ccat&bucket=data+transfer&precision=ns');
        assert.equal(headers['authorization'], 'Token s3cret');
        for (const line of body.split('\n')) assert.deepEqual(parseLine(line).tags, { site: 'ccat' });
      }
      const taken = requests
        .slice(1, 3)
        .flatMap(({ body }) => body.split('\n').map((line) => parseLine(line).fields['bytes']));
      assert.deepEqual(
        taken,
        Array.from({ length: 1500 }, (_, n) => BigInt(n)),
        'each once, in order',
      );
      const counted = await metrics.registry.getSingleMetricAsString('cdt_influx_points_total');
      assert.match(counted, /outcome="written"\} 1500\n/);
      assert.match(counted, /outcome="refused"\} 1\b/);
    },
  );
});
