import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, PreparationError, root, say } from './prepare.mjs';
import { requireTools } from './test-tools.mjs';

/** `npm run bench -- NAME [OPTIONS]`: builds, then measures. */
try {
  await prepare({ project: 'tsconfig.json', builds: 'always' });
  await requireTools(['time']);
  const main = join(root, 'dist', 'bench', 'main.js');
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} catch (error) {
  if (!(error instanceof PreparationError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
