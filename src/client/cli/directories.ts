import { join, resolve } from 'node:path';
import { projectRoot } from '../embedded/project-root.js';

/** The data directory: as given, else by the environment, else `.cdt` in the project. Absolute. */
export function dataDirectoryOf(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  const wanted = given ?? environment.CCAT_DATA_TRANSFER_DATA_DIR;
  return wanted === undefined || wanted === ''
    ? join(projectRoot(), '.cdt')
    : resolveForUser(wanted, environment);
}

/** An absolute path, relative to where the user stands: npm changes into the project before it runs a script. */
export function resolveForUser(path: string, environment: NodeJS.ProcessEnv, cwd = process.cwd()): string {
  const throughScript = environment.npm_lifecycle_event === 'start' && resolve(cwd) === projectRoot();
  const { INIT_CWD } = environment;
  return resolve(throughScript && INIT_CWD !== undefined ? INIT_CWD : cwd, path);
}
