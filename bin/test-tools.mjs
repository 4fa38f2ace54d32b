import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PreparationError, run, say } from './prepare.mjs';

const TOOLS = {
  sshd: { package: 'openssh-server', programs: ['sshd'] },
  openssl: { package: 'openssl', programs: ['openssl'] },
  'redis-server': { package: 'redis-server', programs: ['redis-server'] },
  time: { package: 'time', programs: ['time'] },
  chromium: { package: 'chromium', programs: ['chromium', 'chromium-browser', 'google-chrome'] },
};
const FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];

/** Makes sure that the programs which the tests and benches drive are there: installs them where it may, else says what to install. */
export async function requireTools(names) {
  const missing = names.map((name) => TOOLS[name]).filter((tool) => !isThere(tool));
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.package);
  const byHand = `the tests need ${packages.join(' and ')}: install with \`apt-get install ${packages.join(' ')}\` or the like`;
  if (process.getuid?.() !== 0 || !isThere({ programs: ['apt-get'] })) throw new PreparationError(byHand);
  // Where systemd runs, Debian's packages would start their servers, on port 22 of the world for one: that is for the machine's owner to decide.
  if (packages.some((name) => name.endsWith('-server')) && existsSync('/run/systemd/system'))
    throw new PreparationError(byHand);
  say(`installing ${packages.join(' and ')} (apt-get) ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-q'], { env });
  run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { env });
}

function isThere({ programs }) {
  return FOLDERS.some((folder) => programs.some((program) => existsSync(join(folder, program))));
}
