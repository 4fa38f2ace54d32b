import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatTopology, parseTopology, topologyChanges } from '../../src/core/topology-document.js';
import { projectRoot } from '../../src/client/embedded/project-root.js';

const EXAMPLE = readFileSync(`${projectRoot()}/docs/example-topology.yaml`, 'utf8');
const parse = (text: string) => parseTopology(text, 'yaml', 'topology.yaml');

test('the example is a topology, and comes back from both kinds of documents as it was', () => {
  const topology = parse(EXAMPLE);
  assert.deepEqual(
    topology.sites.map((one) => one.shortName),
    ['ccat', 'cologne', 'us'],
  );
  assert.equal(topology.routes[0]?.options.identityFile, '/etc/ccat-data-transfer/id_ed25519');
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
  for (const format of ['yaml', 'toml'] as const)
    assert.deepEqual(
      plain(parseTopology(formatTopology(topology, format), format, 'again')),
      plain(topology),
    );
  assert.deepEqual(topologyChanges(topology, topology), []);
});

test('every wrong place is named, with what is expected there', () => {
  const wrong: [string, RegExp][] = [
    ['sites: {CCAT: {name: x}}', /sites\.CCAT/],
    ['sites: {ccat: {name: x, sise: 3}}', /sites\.ccat: there is no key sise/],
    ['sites: {ccat: {name: x, locations: {b: {type: buffer}}}}', /ccat\.locations\.b: a disk needs a path/],
    ['sites: {ccat: {name: x, locations: {b: {type: bufer, path: /b}}}}', /b\.type: .*"buffer"/],
    ['sites: {ccat: {name: x, locations: {b: {type: buffer, path: b}}}}', /b\.path: a path must be absolute/],
    [
      'sites: {ccat: {name: x, locations: {l: {type: long_term_archive, storage: s3, bucket: abc, deletable: true}}}}',
      /nothing is deleted in a long-term archive/,
    ],
    [
      'sites: {a: {name: x}}\nroutes: {r: {from: a, to: b, transport: local}}',
      /routes\.r: there is no site b/,
    ],
    [
      'sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, type: relay, transport: local}}',
      /"via"/,
    ],
    [
      'sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, transport: sftp}}',
      /sftp needs host/,
    ],
    [
      'sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, transport: sftp, host: h, username: u, listener: origin}}',
      /routes\.r: sftp needs identity_file and known_hosts_file; routes\.r: sftp knows nothing of listener/,
    ],
    [
      'sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, transport: stream, directory: /b}}',
      /routes\.r: stream needs host; routes\.r: stream knows nothing of directory/,
    ],
    [
      'sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, transport: stream, host: h, listener: both}}',
      /routes\.r\.listener: .*"destination"/,
    ],
    [
      'sites: {ccat: {name: x, locations: {l: {type: long_term_archive, storage: tape}}}}',
      /ccat\.locations\.l\.storage: tapes are not served/,
    ],
    ['sites: [', /no YAML document/],
  ];
  for (const [text, expected] of wrong)
    assert.throws(
      () => parse(text),
      (error: Error) => error.name === 'ConfigurationError' && expected.test(error.message),
      text,
    );
});

test('how bbcp is run comes back as it was, and is nothing that other transports take', () => {
  const { routes } = parse(EXAMPLE);
  assert.deepEqual(routes.find(({ transport }) => transport === 'bbcp')?.options.bbcp, {
    program: '/opt/bbcp/bbcp',
    remoteProgram: '/opt/bbcp/bbcp',
    streams: 16,
    windowBytes: 8_388_608,
    ports: { first: 5031, last: 5063 },
    reverse: false,
  });
  const route = (more: string) =>
    `sites: {a: {name: x}, b: {name: y}}\nroutes: {r: {from: a, to: b, host: h, username: u, identity_file: /i, known_hosts_file: /k, ${more}}}`;
  for (const [more, expected] of [
    ['transport: sftp, bbcp: {streams: 4}', /sftp knows nothing of bbcp/],
    ['transport: bbcp, bbcp: {streams: 65}', /bbcp\.streams/],
    ['transport: bbcp, bbcp: {ports: {first: 9, last: 8}}', /the first port first/],
    ['transport: bbcp, bbcp: {program: bbcp}', /bbcp\.program/],
    ['transport: bbcp, max_bytes_per_second: 1000000', /needs max_transfers/],
  ] as const)
    assert.throws(() => parse(route(more)), expected, more);
});

test('the order of options, in which the catalogue differs from a document, is no change', () => {
  const topology = parse(EXAMPLE);
  const [route] = topology.routes;
  assert.ok(route !== undefined);
  const options = Object.fromEntries(Object.entries(route.options).toReversed());
  assert.deepEqual(topologyChanges(topology, { ...topology, routes: [{ ...route, options }] }), []);
});

test('changes are told place by place', () => {
  const before = parse(EXAMPLE);
  const after = parse(
    EXAMPLE.replace('bucket: ccat-raw-us', 'bucket: ccat-raw-west').replace('ccat_to_us:', 'ccat_to_west:'),
  );
  assert.deepEqual(topologyChanges(before, after), [
    'change location us.lta: bucket "ccat-raw-us" -> "ccat-raw-west"',
    'add route ccat_to_west',
  ]);
});
