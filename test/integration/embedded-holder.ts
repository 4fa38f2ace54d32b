import { lockDataDirectory } from '../../src/client/embedded/data-directory.js';
import { shutdownWish } from '../../src/client/embedded/starter.js';
import { startStack } from '../../src/client/embedded/stack.js';
import { Supervisor } from '../../src/client/embedded/supervisor.js';

/** A process that holds a data directory and runs its servers until it is asked to end: `embedded-holder.js DIR`. */
const [dataDirectory = ''] = process.argv.slice(2);
const report = (line: string) => void process.stderr.write(`${line}\n`);
const wish = shutdownWish();
try {
  const lock = await lockDataDirectory(dataDirectory, report);
  const supervisor = new Supervisor({ dataDirectory, report });
  await startStack({ dataDirectory, environment: process.env, report, supervisor });
  report('ready');
  // Something has to keep the process alive while it waits.
  const alive = setInterval(() => undefined, 1_000);
  await new Promise((resolve) => wish.signal.addEventListener('abort', resolve));
  clearInterval(alive);
  await lock.markStopping();
  await supervisor.stopAll();
  await lock.release();
  report('stopped');
} catch (error) {
  report((error as Error).message);
  process.exitCode = 1;
}
wish.dispose();
