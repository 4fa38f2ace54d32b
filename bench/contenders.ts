import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the compiled benches. */
export const BENCH = dirname(fileURLToPath(import.meta.url));

/** How to start a program of ours (bench/programs) as a process of its own. */
export function ours(program: string, ...args: string[]): string[] {
  return [process.execPath, join(BENCH, 'programs', `${program}.js`), ...args];
}

/** For programs of ours: without the variable that has Node read a list of certificates whenever it starts, though none of them needs it. */
export const OUR_ENV: NodeJS.ProcessEnv = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };

/** The path of a program, from a variable where it is set, else from PATH. */
export function findProgram(name: string, variable?: string): string | undefined {
  const given = variable === undefined ? undefined : process.env[variable];
  if (given !== undefined && given !== '') return isProgram(given) ? given : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** Why a contender can't take part; undefined where it can. */
export function missingWithout(name: string, howToGet: string, variable?: string): string | undefined {
  if (findProgram(name, variable) !== undefined) return undefined;
  const or = variable === undefined ? '' : ` or name it in ${variable}`;
  return `${name} is not installed: ${howToGet}${or}`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to start: either way it is none.
    return false;
  }
}
