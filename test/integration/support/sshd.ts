import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SftpTarget } from '../../../src/core/transport/sftp-connection.js';
import { removeTree } from '../../support/scratch.js';

export interface TestSshd {
  port: number;
  /** Where host key, user key and known_hosts lie; a test may put more there. */
  directory: string;
  /** The host's public key as a known_hosts line has it: type and key. */
  hostKey: string;
  /** The way to a directory of this machine through the server; the port may be that of something in between. */
  target(directory: string, change?: Partial<SftpTarget>): SftpTarget;
  /** Writes a known_hosts file with these lines and gives its path. */
  knownHosts(...lines: string[]): string;
  /** Kills the server's processes that serve a connection, as an administrator there might. */
  killSessions(): void;
}

/** Runs a test with an OpenSSH server of its own: own configuration, keys and port, on this machine's loopback alone. */
export async function withSshd(
  run: (sshd: TestSshd) => Promise<void>,
  options = { readOnly: false },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'cdt-test-sshd-'));
  const port = await unusedPort();
  makeKey(join(directory, 'host_key'));
  makeKey(join(directory, 'user_key'));
  copyFileSync(join(directory, 'user_key.pub'), join(directory, 'authorized_keys'));
  writeFileSync(join(directory, 'sshd_config'), configuration(directory, port, options.readOnly));
  // Started by root, sshd locks itself into this directory and refuses to start without it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  const server = spawn(sshdProgram(), ['-D', '-e', '-f', join(directory, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(server, 'exit');
  try {
    await untilListening(
      port,
      () => server.exitCode,
      () => log,
    );
    await run({ ...describe(directory, port), killSessions: () => killChildren(server.pid) });
  } finally {
    server.kill();
    await ended;
    removeTree(directory);
  }
}

/** A line between client and server that a test can cut or silence, as happens to wide-area links. */
export interface Link {
  port: number;
  /** Lets this many bytes of a connection pass to the server; what happens to the line then. */
  endAfter(bytes: number, how: 'cut' | 'silent'): void;
  /** Connections that were opened so far. */
  opened(): number;
  /** Refuses connections from this number on. */
  refuseFrom(count: number): void;
}

/** Runs a test with a link to a port of this machine. */
export async function withLink(port: number, run: (link: Link) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  let end = { bytes: Infinity, how: 'cut' };
  let [opened, most] = [0, Infinity];
  const server = createServer((near) => {
    if (opened >= most) {
      near.destroy();
      return;
    }
    opened += 1;
    const far = connect(port, '127.0.0.1');
    sockets.add(near).add(far);
    let passed = 0;
    near.on('data', (data: Buffer) => {
      passed += data.length;
      if (passed <= end.bytes) far.write(data);
      else if (end.how === 'cut') near.destroy();
    });
    far.on('data', (data: Buffer) => near.write(data));
    // A cut line is an error on one side and an end on the other; both end both.
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run({
      port: (server.address() as AddressInfo).port,
      endAfter: (bytes, how) => (end = { bytes, how }),
      opened: () => opened,
      refuseFrom: (count) => (most = count),
    });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  }
}

/** Makes a key pair without passphrase; the public key lies beside it. */
export function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path]);
}

/** A public key file's type and key. */
export function publicKey(path: string): string {
  return readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

function killChildren(pid: number | undefined): void {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  const children = stdout.split('\n').map(Number).filter(Boolean);
  assert.ok(children.length > 0, 'the server serves nobody');
  for (const child of children) process.kill(child, 'SIGKILL');
}

function describe(directory: string, port: number): Omit<TestSshd, 'killSessions'> {
  const hostKey = publicKey(join(directory, 'host_key'));
  const knownHosts = (...lines: string[]) => {
    const path = join(directory, 'known_hosts');
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const target = (destination: string, change: Partial<SftpTarget> = {}): SftpTarget => ({
    transport: 'sftp',
    directory: destination,
    host: '127.0.0.1',
    port,
    username: userInfo().username,
    identityFile: join(directory, 'user_key'),
    knownHostsFile: change.knownHostsFile ?? knownHosts(`[127.0.0.1]:${change.port ?? port} ${hostKey}`),
    ...change,
  });
  return { port, directory, hostKey, target, knownHosts };
}

function configuration(directory: string, port: number, readOnly: boolean): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${directory}/host_key
AuthorizedKeysFile ${directory}/authorized_keys
PidFile ${directory}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp${readOnly ? ' -R' : ''}
`;
}

/** sshd must be started by its absolute path, and is seldom on an ordinary user's PATH. */
function sshdProgram(): string {
  const folders = [
    '/usr/sbin',
    '/usr/local/sbin',
    '/usr/bin',
    '/sbin',
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  const found = folders.map((folder) => join(folder, 'sshd')).find((path) => existsSync(path));
  assert.ok(found !== undefined, `no sshd in ${folders.join(', ')}: install OpenSSH's server`);
  return found;
}

async function unusedPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function untilListening(port: number, exitCode: () => number | null, log: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    assert.equal(exitCode(), null, `sshd ended: ${log()}`);
    if (await answers(port)) return;
    await sleep(50);
  }
  assert.fail(`sshd does not listen: ${log()}`);
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}
