import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, say } from './prepare.mjs';

/** Always the same folder: what a killed test run has left behind there is found and ended by the next. */
const FOLDER = join(root, 'dist', 'test-stack');
/** A file that is not there: the user's own profiles are not to be read. */
const NO_PROFILE = join(root, 'dist', 'no-temporal.toml');
/** Servers that somebody uses for real work are none of the tests' business. */
const GIVEN = /^(TEMPORAL_(?!CLI$)|CCAT_DATA_TRANSFER_)/;

/** The environment without the addresses of anybody's real servers. */
export function isolatedEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !GIVEN.test(name));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: NO_PROFILE };
}

/** Starts Temporal, PostgreSQL and an S3 store for the integration tests, empty. */
export async function startTestStack() {
  const embedded = (name) => import(`../dist/src/client/embedded/${name}.js`);
  const [{ lockDataDirectory }, { endLeftovers }] = [
    await embedded('data-directory'),
    await embedded('leftovers'),
  ];
  const [{ Supervisor }, { environmentFor, startStack }] = [
    await embedded('supervisor'),
    await embedded('stack'),
  ];
  const report = (line) => say(`  ${line}`);
  const lock = await lockDataDirectory(FOLDER, report);
  await endLeftovers(lock.paths, report);
  removeState(lock.paths);
  const supervisor = new Supervisor({ dataDirectory: FOLDER, report });
  let stopped;
  const stop = async () => {
    await supervisor.stopAll();
    removeState(lock.paths);
    await lock.release();
  };
  try {
    const environment = isolatedEnvironment();
    const { addresses } = await startStack({ dataDirectory: FOLDER, environment, report, supervisor });
    return { environment: environmentFor(addresses), stop: () => (stopped ??= stop()) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function removeState({ temporal, postgres, s3, logs }) {
  for (const folder of [temporal, postgres, s3, logs]) rmSync(folder, { recursive: true, force: true });
}
