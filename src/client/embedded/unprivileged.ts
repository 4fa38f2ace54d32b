import { chown, readFile } from 'node:fs/promises';
import { ConfigurationError } from '../../core/exceptions.js';
import { outputOf } from './run-program.js';

/** Capabilities by which a process gets through folders that are closed to its user, the weaker one first. */
const PASSAGE = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
];
const NOBODY = { uid: 65534, gid: 65534 };

/** The account that PostgreSQL runs as. */
export interface Account {
  /** The command line that runs a program as this account. */
  wrap(command: string, args: readonly string[]): { command: string; args: string[] };
  /** Gives a file or folder to this account. */
  own(path: string): Promise<void>;
}

const OURSELVES: Account = {
  wrap: (command, args) => ({ command, args: [...args] }),
  own: () => Promise.resolve(),
};

/**
 * The account for a server that refuses to run as root: our own, or `nobody` when we are root.
 *
 * `nobody` could reach neither programs nor data below a folder that is root's alone (/root, a folder of mktemp), so the
 * process keeps the one capability to pass through; what it writes is its own.
 *
 * @throws ConfigurationError when we are root and `setpriv` is missing
 */
export async function unprivileged(): Promise<Account> {
  if (process.getuid?.() !== 0) return OURSELVES;
  await requireSetpriv();
  const { uid, gid } = await nobody();
  const passage = await passageCapability();
  // Without the last one it would open everything and still be told by access(2), which initdb asks, that it can't.
  const keep = [`--inh-caps=+${passage}`, `--ambient-caps=+${passage}`, '--securebits=+no_setuid_fixup'];
  const options = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    ...(passage === undefined ? [] : keep),
    '--',
  ];
  return {
    wrap: (command, args) => ({ command: 'setpriv', args: [...options, command, ...args] }),
    own: (path) => chown(path, uid, gid),
  };
}

async function requireSetpriv(): Promise<void> {
  try {
    await outputOf('setpriv', ['--version'], { timeoutMs: 10_000 });
  } catch (cause) {
    throw new ConfigurationError(
      'PostgreSQL does not run as root, and `setpriv` is not there to run it as another user',
      {
        operation: 'start',
        subject: 'postgres',
        advice: 'start as an ordinary user, install util-linux, or set CCAT_DATA_TRANSFER_DATABASE_URL',
        cause,
      },
    );
  }
}

async function nobody(): Promise<{ uid: number; gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [uid, gid] = line?.split(':').slice(2, 4).map(Number) ?? [];
  return uid && gid ? { uid, gid } : NOBODY;
}

/** The capability to pass that we may hand on; containers withhold some. */
async function passageCapability(): Promise<string | undefined> {
  const status = await readFile('/proc/self/status', 'utf8');
  const permitted = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return PASSAGE.find(({ bit }) => (permitted >> bit) & 1n)?.name;
}
