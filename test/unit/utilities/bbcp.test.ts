import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  BBCPError,
  ChecksumVerificationError,
  ConfigurationError,
  DataCorruptionError,
  DestinationFileExistsError,
  NetworkError,
  PermanentError,
  SegmentationFaultError,
  StorageError,
} from '../../../src/core/exceptions.js';
import { makeBbcpCommand } from '../../../src/core/utilities/bbcp.js';
import { parseBbcpOutput } from '../../../src/core/utilities/bbcp-output.js';
import { calculateTransferRate } from '../../../src/core/utilities/transfer-rate.js';

const MIB = 1024 ** 2;

test('a copy that ended well tells its files, bytes, time, rate, progress and checksums', () => {
  const report = parseBbcpOutput({
    exitCode: 0,
    output: `Target archive using initial recv window of 131072
Source chile using initial send window of 3939840
bbcp: Creating /buffer/a.tar
bbcp: 260401 03:10:00  40% done; 2.0 MB/s, avg 2.0 MB/s
bbcp: 260401 03:10:00  40% done; -nan B/s, avg 2.0 MB/s
bbcp: 260401 03:10:00  40% done; 2.0 MB/s, avg 2.0 MB/s
bbcp: 260401 03:10:02  not done; 512.5 KB/s, avg 1.5 MB/s compressed 1.4
Source cpu=0.523 (sys=0.202 usr=0.321).
Checksum: md5 0123456789abcdef0123456789abcdef archive:/buffer/a.tar
File /buffer/a.tar created; 4194304 bytes at 2.0 MB/s
File /buffer/b with space.tar created; 0 bytes at 0.0 B/s
48 buffers used with 0 reorders; peaking at 0.
2 files copied at effectively 1.0 MB/s
`,
  });
  assert.equal(report.failure, undefined);
  assert.equal(report.bytes, 4 * MIB);
  assert.deepEqual(
    report.files.map(({ path, bytes }) => [path, bytes]),
    [
      ['/buffer/a.tar', 4 * MIB],
      ['/buffer/b with space.tar', 0],
    ],
  );
  assert.equal(report.bytesPerSecond, MIB);
  assert.equal(report.seconds, 4);
  assert.deepEqual(report.progress, [
    {
      kind: 'progress',
      at: '260401 03:10:00',
      percent: 40,
      bytesPerSecond: 2 * MIB,
      averageBytesPerSecond: 2 * MIB,
    },
    {
      kind: 'progress',
      at: '260401 03:10:02',
      bytesPerSecond: 512.5 * 1024,
      averageBytesPerSecond: 1.5 * MIB,
    },
  ]);
  assert.deepEqual(report.checksums, [
    {
      kind: 'checksum',
      algorithm: 'md5',
      digest: '0123456789abcdef0123456789abcdef',
      place: 'archive:/buffer/a.tar',
    },
  ]);
});

test('a measured time counts more than the rate that bbcp tells', () => {
  const output = 'File /b/a.tar created; 1000 bytes at 9.9 MB/s\n';
  const report = parseBbcpOutput({ output, exitCode: 0, seconds: 4 });
  assert.equal(report.seconds, 4);
  assert.equal(report.bytesPerSecond, 250);
});

test('what the target had already is told, and no bytes are', () => {
  const report = parseBbcpOutput({
    exitCode: 0,
    output:
      'bbcp: Skipping /b/a.tar already exists.\nbbcp: File /b/c.tar appears to have already been copied; copy skipped.\n',
  });
  assert.deepEqual([report.failure, report.bytes, report.skipped], [undefined, 0, ['/b/a.tar', '/b/c.tar']]);
});

const FAILURES: [line: string, exitCode: number, Class: new (message: string) => Error][] = [
  ['bbcp: File /b/a.tar already exists.', 22, DestinationFileExistsError],
  [
    'bbcp: File /b/a.tar changed since the copy completed; append not possible',
    22,
    DestinationFileExistsError,
  ],
  ['bbcp: Insufficient space to copy all the files from chile', 28, StorageError],
  ['bbcp: No space left on device writing /b/a.tar', 128, StorageError],
  ['ssh: connect to host archive port 22: Connection refused', 255, NetworkError],
  ['ssh: Could not resolve hostname archive: Name or service not known', 255, NetworkError],
  ['copy@archive: Permission denied (publickey,password).', 255, ConfigurationError],
  ['Host key verification failed.', 255, ConfigurationError],
  ['bash: line 1: bbcp: command not found', 255, ConfigurationError],
  ["bbcp: Invalid option, '-Q'.", 255, ConfigurationError],
  ['bbcp: Permission denied opening /b/a.tar', 13, PermanentError],
  ['bbcp: No such file or directory processing /s/a.tar', 2, PermanentError],
  ['bbcp: Target directory /b/a.tar not found', 2, PermanentError],
  ['bbcp: /s/a.tar source checksum 00 does not match 01', 84, DataCorruptionError],
  ['bbcp: /b/a.tar target checksum 00 does not match 01', 172, ChecksumVerificationError],
  ['Segmentation fault (core dumped)', 139, SegmentationFaultError],
  ['bbcp: Copy process 7 was killed via signal 11', 255, SegmentationFaultError],
  ['bbcp: Copy process 7 was killed via signal 15', 255, BBCPError],
  ['bbcp: Time limit exceeded', 128, BBCPError],
  // A name that reads like another failure is still a name.
  ['bbcp: Permission denied opening /b/No space left on device', 13, PermanentError],
];

test('each failure has its class, tells what bbcp said and what to do', () => {
  for (const [line, exitCode, Class] of FAILURES) {
    const output = `bbcp: Creating /b/a.tar\n${line}\nbbcp: bbcp unexpectedly terminated on archive\n`;
    const { failure } = parseBbcpOutput({ output, exitCode });
    assert.equal(failure?.constructor.name, Class.name, line);
    assert.ok(failure instanceof Class);
    assert.match(failure.message, new RegExp(`exit code ${exitCode}`));
    assert.ok(failure.message.includes(line.replace(/^bbcp: /, '')), failure.message);
    assert.ok(failure.advice !== undefined);
  }
});

test('damage counts whatever the exit code says, and a run that goes on has not failed', () => {
  const damaged = { output: 'bbcp: /b/a.tar xfr checksum error at offset 4096\n', exitCode: 0 };
  assert.ok(parseBbcpOutput(damaged).failure instanceof ChecksumVerificationError);
  assert.equal(parseBbcpOutput({ output: 'bbcp: Creating /b/a.tar\n' }).failure, undefined);
  for (const [signal, Class] of [
    ['SIGSEGV', SegmentationFaultError],
    ['SIGKILL', BBCPError],
  ] as const)
    assert.equal(parseBbcpOutput({ output: '', exitCode: null, signal }).failure?.constructor, Class);
});

test('a rate is bytes for each second, and none where no time passed', () => {
  assert.equal(calculateTransferRate(3000, 1.5), 2000);
  for (const [bytes, seconds] of [
    [10, 0],
    [10, -1],
    [0, 5],
    [10, NaN],
  ] as const)
    assert.equal(calculateTransferRate(bytes, seconds), 0);
});

const SSH = { port: 2222, identityFile: '/keys/id', knownHostsFile: '/keys/known_hosts' };

test('the command is a list of arguments, each as bbcp takes it', () => {
  const command = makeBbcpCommand(
    { path: '/buffer/a.tar' },
    { path: '/buffer/in/a.tar', host: 'archive.example', username: 'copy' },
    {
      ssh: SSH,
      streams: 16,
      windowBytes: 8 * MIB,
      progressSeconds: 2,
      maxBytesPerSecond: 25 * MIB,
      ports: { first: 5031, last: 5040 },
      reverse: true,
      existing: 'resume',
      flush: true,
    },
  );
  const ssh =
    'ssh -x -a -p 2222 -i /keys/id -o BatchMode=yes -o IdentitiesOnly=yes -o ControlPath=none -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/keys/known_hosts %4 %I -l %U %H bbcp';
  assert.deepEqual(command, [
    ...['bbcp', '-S', ssh, '-T', ssh, '-s', '16', '-P', '2', '-V', '-e', '-y', 'd'],
    ...[
      '-w',
      '8388608',
      '-x',
      '26214400',
      '-Z',
      '5031:5040',
      '-z',
      '-a',
      '-k',
      '--',
      '/buffer/a.tar',
      'copy@archive.example:/buffer/in/a.tar',
    ],
  ]);
});

test('a host that is a number is never looked up by name', () => {
  const to = (host: string) => makeBbcpCommand({ path: '/a' }, { path: '/b', host }, { ssh: SSH });
  assert.ok(to('10.1.2.3').includes('-n'));
  assert.ok(!to('10.example').includes('-n'));
});

test('names that could mean anything else are refused', () => {
  const hostile = [
    'a.tar',
    '/b/a b',
    '/b/$(id)',
    '/b/a;b',
    "/b/a'b",
    '/b/a\nb',
    '/b/../c',
    '/b/a:c',
    '/b/%H',
  ];
  for (const path of [...hostile, '/b/ü', '/b/./c', '//b', '', '/b/a*', '/b/~x', '/b/u@h'])
    assert.throws(() => makeBbcpCommand({ path }, { path: '/c' }), PermanentError, path);
  for (const host of ['-oProxyCommand=id', 'a b', 'a;b', '', '::1', 'a:b'])
    assert.throws(
      () => makeBbcpCommand({ path: '/a' }, { path: '/c', host }, { ssh: SSH }),
      ConfigurationError,
    );
  for (const username of ['-l', 'a b', 'a@b', ''])
    assert.throws(
      () => makeBbcpCommand({ path: '/a' }, { path: '/c', host: 'h', username }, { ssh: SSH }),
      ConfigurationError,
    );
  for (const program of ['bbcp; id', '-x', '/opt/bbcp -v'])
    assert.throws(
      () => makeBbcpCommand({ path: '/a' }, { path: '/c', host: 'h' }, { ssh: { ...SSH, program } }),
      PermanentError,
    );
});

test('numbers that bbcp does not take are refused', () => {
  for (const tuning of [
    { streams: 99 },
    { streams: 1.5 },
    { windowBytes: 10 },
    { progressSeconds: 1 },
    { maxBytesPerSecond: 2 ** 31 },
    { timeLimitSeconds: NaN },
    { ports: { first: 10, last: 9 } },
    { ports: { first: 0, last: 9 } },
  ])
    assert.throws(() => makeBbcpCommand({ path: '/a' }, { path: '/b' }, tuning), ConfigurationError);
  assert.throws(
    () => makeBbcpCommand({ path: '/a' }, { path: '/b', host: 'h' }),
    /expected is how to reach h/,
  );
});

/** Where captured outputs lie: files with the lines `exit code: N` and `--- stderr`, their names telling what happened. */
const SAMPLES = process.env['BBCP_OUTPUT_SAMPLES'];
/** What the name of a failed sample tells about its class; the first that matches. */
const NAMED: [name: RegExp, Class: new (message: string) => Error][] = [
  [/pct-md5-wrong/, DataCorruptionError],
  [/md5-wrong/, ChecksumVerificationError],
  [/destination-exists/, DestinationFileExistsError],
  [/no-space/, StorageError],
  [/ssh-refused|unknown-host/, NetworkError],
  [/ssh-auth|bbcp-missing|bad-option|usage/, ConfigurationError],
  [/missing|permission|source-is-dir|-A-/, PermanentError],
  [/time-limit|killed/, BBCPError],
];

if (SAMPLES !== undefined)
  test('every captured output is read', () => {
    const folder: string = SAMPLES;
    const names: string[] = readdirSync(folder).filter((name) => /^\d.*\.txt$/.test(name));
    assert.ok(names.length > 0);
    for (const name of names) {
      const text: string = readFileSync(join(folder, name), 'utf8');
      const code = /^exit code:? (\d+)$/m.exec(text)?.[1];
      const output = text.slice(Math.max(0, text.indexOf('--- stderr')));
      const report = parseBbcpOutput({ output, ...(code === undefined ? {} : { exitCode: Number(code) }) });

      const [, Class] = NAMED.find(([pattern]) => pattern.test(name)) ?? [];
      const failed = code !== undefined && code !== '0';
      assert.equal(report.failure?.constructor.name, failed ? Class?.name : undefined, name);
      const sizes = [...text.matchAll(/created; (\d+) bytes/g)].map(([, size]) => Number(size));
      assert.equal(
        report.bytes,
        sizes.reduce((sum, size) => sum + size, 0),
        name,
      );
      assert.equal(report.files.length, sizes.length, name);
      assert.equal(report.checksums.length, text.match(/^Checksum: /gm)?.length ?? 0, name);
      const percents = new Set([...text.matchAll(/(\d+)% done; \d/g)].map(([, percent]) => Number(percent)));
      assert.deepEqual(new Set(report.progress.map(({ percent }) => percent)), percents, name);
      if (/effectively/.test(output)) {
        assert.ok(report.bytesPerSecond !== undefined && report.bytesPerSecond > 0, name);
        assert.ok(report.seconds !== undefined && report.seconds > 0, name);
      }
    }
  });
