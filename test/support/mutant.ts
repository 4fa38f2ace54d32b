import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import assert from 'node:assert/strict';

/** What is built, tests and all; copies lie beside it, so that they find the same packages. */
const BUILT = fileURLToPath(new URL('../../', import.meta.url));

/** One mistake in the code: a text of a built file below `src`, and what stands there instead. */
export interface Mistake {
  file: string;
  instead: [right: string, wrong: string];
}

/** Runs with a copy of the system that has one mistake in it; `load` imports a module of that copy by its path below `src`. */
export async function withMistake(
  { file, instead: [right, wrong] }: Mistake,
  run: (load: <T>(module: string) => Promise<T>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(BUILT, 'mutant-'));
  try {
    for (const part of ['core', 'activities'])
      await cp(join(BUILT, 'src', part), join(directory, part), { recursive: true });
    const path = join(directory, file);
    const code = await readFile(path, 'utf8');
    assert.equal(code.split(right).length, 2, `${right} stands once in ${file}`);
    await writeFile(
      path,
      code.replace(right, () => wrong),
    );
    await run(async <T>(module: string) => (await import(pathToFileURL(join(directory, module)).href)) as T);
  } finally {
    await rm(directory, { recursive: true });
  }
}
