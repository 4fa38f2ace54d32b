import { readFileSync, statSync } from 'node:fs';

const WORLD = 0o004;

/** The secret that a file holds, without the line break at its end; or why it is not taken. */
export function readSecretFile(path: string): { value: string } | { reason: string } {
  try {
    if ((statSync(path).mode & WORLD) !== 0)
      return { reason: `${path} is readable for everybody on this machine; chmod it to 600 or 640` };
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? { reason: `${path} is empty` } : { value };
  } catch (error) {
    return { reason: `${path} can't be read (${String((error as NodeJS.ErrnoException).code)})` };
  }
}
