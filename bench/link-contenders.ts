import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findProgram, missingWithout, OUR_ENV, ours } from './contenders.js';
import type { Contender } from './harness.js';
import type { LinkLab } from './link-lab.js';
import type { SshServer } from './link-servers.js';
import { timed, type Finished } from './timed.js';

/** A job over the link: files of one folder, all to one folder at the far end. */
export interface LinkJob {
  folder: string;
  files: string[];
  /** A file with their digests as `sha256sum` writes it: packages have theirs when they are sent. */
  digests: string;
  bytes: number;
  /** Many small files: ours packages them, sends the package and verifies it there. */
  small: boolean;
}

export interface LinkPlace {
  lab: LinkLab;
  ssh: SshServer;
  /** Where the far end writes; each run has a fresh folder in it. */
  far: string;
  /** Port and identity of our receiver at the far end. */
  stream: { port: number; identity: string };
  iperfPort: number;
}

export const LINK_CONTENDERS = ['stream', 'bbcp', 'scp', 'rclone', 'rsync', 'iperf3'];

export function linkContenders(job: LinkJob, place: LinkPlace): Contender[] {
  const { lab, ssh } = place;
  const at = `${ssh.user}@${lab.farAddress}`;
  const rsh = ['ssh', '-p', String(ssh.port), ...ssh.options].join(' ');
  const copying = (
    name: string,
    missing: string | undefined,
    command: (target: string) => string[],
  ): Contender => {
    const target = (round: number) => join(place.far, `${name}-${round}`);
    return {
      name,
      missing,
      before: (round) => {
        mkdirSync(target(round), { recursive: true });
        return Promise.resolve();
      },
      run: (round) => timed([...lab.near, ...command(target(round))], { env: OUR_ENV }),
      after: (round) => {
        // A server that was cut off with its client may still be writing.
        rmSync(target(round), { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
        return Promise.resolve();
      },
    };
  };
  const arrived = (contender: Contender): Contender => ({
    ...contender,
    run: async (round) => {
      const finished = await contender.run(round);
      if (!finished.cut) requireSame(job, join(place.far, `${contender.name}-${round}`));
      return finished;
    },
  });
  const sending = copying('stream', undefined, (target) => sendingCommand(job, place, target));
  const rclone = `:sftp,host=${lab.farAddress},port=${ssh.port},user=${ssh.user},key_file=${ssh.key},known_hosts_file=${ssh.knownHosts}:`;
  const bbcp = findProgram('bbcp', 'BBCP') ?? 'bbcp';
  const sshBbcp = `ssh -x -a ${ssh.options.join(' ')} -p ${ssh.port} %4 %I -l %U %H ${bbcp}`;
  return [
    sending,
    arrived(
      copying('bbcp', missingWithout('bbcp', 'build it from its source', 'BBCP'), (target) => [
        bbcp,
        ...['-n', '-f', '-s', '16', '-w', '8m', '-T', sshBbcp],
        ...job.files,
        `${at}:${target}/`,
      ]),
    ),
    arrived(
      copying('scp', missingWithout('scp', 'apt-get install openssh-client'), (target) => [
        ...['scp', '-q', '-P', String(ssh.port), ...ssh.options],
        ...job.files,
        `${at}:${target}/`,
      ]),
    ),
    arrived(
      copying('rclone', missingWithout('rclone', 'apt-get install rclone'), (target) => [
        ...[
          'rclone',
          'copy',
          '--config',
          '/dev/null',
          '--transfers',
          '16',
          '--checkers',
          '16',
          '--no-check-dest',
        ],
        job.folder,
        `${rclone}${target}`,
      ]),
    ),
    arrived(
      copying('rsync', missingWithout('rsync', 'apt-get install rsync'), (target) => [
        ...['rsync', '-r', '-e', rsh],
        `${job.folder}/`,
        `${at}:${target}/`,
      ]),
    ),
    ...(job.small ? [] : [iperf(job, place)]),
  ];
}

/** How ours sends the job to a folder at the far end; the folder's name is that of the location. */
export function sendingCommand(job: LinkJob, { lab, stream }: LinkPlace, target: string): string[] {
  const to = ['--to', `${lab.farAddress}:${stream.port}`, '--identity', stream.identity];
  return job.small
    ? ours('ship', ...to, '--source', job.folder, '--there', target)
    : ours(
        'stream-endpoints',
        'send',
        ...to,
        '--location',
        basename(target),
        '--digests',
        job.digests,
        ...job.files,
      );
}

/** What the line gives to 16 streams that carry nothing: by the far end's own account, the setting up not counted. */
function iperf(job: LinkJob, { lab, iperfPort }: LinkPlace): Contender {
  return {
    name: 'iperf3',
    missing: missingWithout('iperf3', 'apt-get install iperf3'),
    run: async () => {
      const client = [
        'iperf3',
        '-c',
        lab.farAddress,
        '-p',
        String(iperfPort),
        '-P',
        '16',
        '-n',
        String(job.bytes),
        '-J',
      ];
      const finished = await timed([
        ...lab.near,
        'sh',
        '-c',
        '"$@" | tr -d "\\n\\t" | grep -o "\\"sum_received\\":{[^}]*}"',
        'sh',
        ...client,
      ]);
      return { ...finished, seconds: (job.bytes * 8) / receivedRate(finished) };
    },
  };
}

function receivedRate({ output }: Finished): number {
  const found = /"bits_per_second":\s*([0-9.e+]+)/.exec(output)?.[1];
  if (found === undefined) throw new Error(`iperf3 told no rate: ${output}`);
  return Number(found);
}

/** That all files arrived, by their digests as another program tells them. */
function requireSame(job: LinkJob, target: string): void {
  const names = readdirSync(target);
  if (names.length !== job.files.length)
    throw new Error(`${target} has ${names.length} of ${job.files.length} files`);
  const bytes = names.reduce((sum, name) => sum + statSync(join(target, name)).size, 0);
  if (bytes !== job.bytes) throw new Error(`${target} has ${bytes} of ${job.bytes} bytes`);
  for (const name of names.slice(0, 4))
    execFileSync('cmp', [join(job.folder, name), join(target, name)], { stdio: 'inherit' });
}
