import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Route } from '../../src/core/database/records.js';
import { unusedPort } from './ports.js';
import type { Sites } from './sites.js';
import type { Cleanup } from './cleanup.js';

/** An OpenSSH server that sees what its site sees. */
export interface SiteSshd {
  port: number;
  /** How a route reaches it, over the port of something in between. */
  options(port: number): Route['options'];
}

/** Starts a site's OpenSSH server: own configuration, keys and port, on loopback alone. */
export async function startSiteSshd(cleanup: Cleanup, sites: Sites, site: string): Promise<SiteSshd> {
  const directory = join(dirname(sites.here), 'ssh', site);
  mkdirSync(directory, { recursive: true });
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(directory, key)]);
  copyFileSync(join(directory, 'user_key.pub'), join(directory, 'authorized_keys'));
  const port = await unusedPort();
  writeFileSync(
    join(directory, 'sshd_config'),
    `ListenAddress 127.0.0.1
Port ${port}
HostKey ${directory}/host_key
AuthorizedKeysFile ${directory}/authorized_keys
PidFile ${directory}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
`,
  );
  // Started by root, sshd locks itself into this directory and refuses to start without it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const server = sites.start(site, `sshd-${site}`, [
    program(),
    '-D',
    '-e',
    '-f',
    join(directory, 'sshd_config'),
  ]);
  cleanup.after(() => sites.stop(server));
  for (let tries = 0; !(await answers(port)); tries += 1) {
    assert.ok(tries < 200 && server.exitCode === null, `sshd of ${site} does not listen`);
    await sleep(50);
  }
  const known = join(directory, 'known_hosts');
  const [type, key] = readFileSync(join(directory, 'host_key.pub'), 'utf8').split(' ');
  return {
    port,
    options: (over) => {
      appendFileSync(known, `[127.0.0.1]:${over} ${type} ${key}\n`);
      return {
        host: '127.0.0.1',
        port: over,
        username: userInfo().username,
        identityFile: join(directory, 'user_key'),
        knownHostsFile: known,
      };
    },
  };
}

function program(): string {
  const found = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/sbin']
    .map((one) => join(one, 'sshd'))
    .find(existsSync);
  assert.ok(found !== undefined, "there is no sshd: install OpenSSH's server");
  return found;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
