import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueCertificate, makeAuthority } from '../src/core/certificates/certificates.js';
import { findProgram } from './contenders.js';
import type { LinkLab } from './link-lab.js';

/** A server of ours at one end of the link; ends when it is told to. */
export interface Server {
  stop(): Promise<void>;
}

/** Starts a program and waits until it does what `ready` looks for. */
export async function serve(words: string[], ready: (child: ChildProcess) => Promise<void>): Promise<Server> {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4096)));
  const ended = once(child, 'exit');
  await Promise.race([
    ready(child),
    ended.then(([code]) =>
      Promise.reject(new Error(`${words.join(' ')} ended with ${String(code)}: ${errors}`)),
    ),
  ]);
  child.stdout.resume();
  return {
    stop: async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      await ended;
    },
  };
}

/** Ready when it writes this word. */
export async function says(child: ChildProcess, word: string): Promise<void> {
  let heard = '';
  while (!heard.includes(word)) heard += String((await once(child.stdout!, 'data'))[0]);
}

/** An OpenSSH server at the far end, and how ssh's clients reach it. */
export interface SshServer extends Server {
  port: number;
  user: string;
  key: string;
  knownHosts: string;
  /** Options for ssh and scp, which read no configuration of the user's. */
  options: string[];
}

const SSH_PORT = 2222;

export async function startSshd(lab: LinkLab, folder: string): Promise<SshServer> {
  const sshd = findProgram('sshd');
  if (sshd === undefined) throw new Error('sshd is not installed: apt-get install openssh-server');
  mkdirSync(folder, { recursive: true });
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const path = (name: string) => join(folder, name);
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', path(key)]);
  writeFileSync(path('authorized_keys'), readFileSync(path('user_key.pub')));
  const hostKey = readFileSync(path('host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(path('known_hosts'), `[${lab.farAddress}]:${SSH_PORT} ${hostKey}\n`);
  writeFileSync(
    path('sshd_config'),
    [
      `ListenAddress ${lab.farAddress}`,
      `Port ${SSH_PORT}`,
      `HostKey ${path('host_key')}`,
      `AuthorizedKeysFile ${path('authorized_keys')}`,
      `PidFile ${path('sshd.pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'MaxStartups 64',
      'MaxSessions 64',
      'LogLevel ERROR',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n'),
  );
  const server = await serve([...lab.far, sshd, '-D', '-f', path('sshd_config')], async () => {
    await sleep(1000); // it answers at once on this machine; over the link the first contender waits for it anyway
  });
  const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
  const set = ['BatchMode=yes', `UserKnownHostsFile=${path('known_hosts')}`, 'Compression=no'];
  return {
    ...server,
    port: SSH_PORT,
    user,
    key: path('user_key'),
    knownHosts: path('known_hosts'),
    options: ['-F', 'none', '-i', path('user_key'), ...set.flatMap((one) => ['-o', one])],
  };
}

/** Certificates of the two ends, of an authority of their own; each folder has `authority.pem`, `certificate.pem` and `key.pem`. */
export async function makeIdentities(folder: string): Promise<{ near: string; far: string }> {
  const authority = await makeAuthority();
  const identity = async (site: string) => {
    const { certificate, key } = await issueCertificate(authority, site);
    const where = join(folder, site);
    mkdirSync(where, { recursive: true });
    writeFileSync(join(where, 'authority.pem'), authority.certificate);
    writeFileSync(join(where, 'certificate.pem'), certificate);
    writeFileSync(join(where, 'key.pem'), key, { mode: 0o600 });
    return where;
  };
  return { near: await identity('near'), far: await identity('far') };
}
