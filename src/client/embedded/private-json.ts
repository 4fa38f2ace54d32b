import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const text = (content: unknown) => `${JSON.stringify(content, null, 2)}\n`;
const draftOf = (file: string) => `${file}.${randomUUID()}.new`;

/** Writes a JSON file that only its owner can read; readers see the old content or the new, never a part. */
export async function writePrivateJson(file: string, content: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = draftOf(file);
  await writeFile(draft, text(content), { mode: 0o600 });
  await rename(draft, file);
}

/** The same without letting anything else happen in between. */
export function writePrivateJsonNow(file: string, content: unknown): void {
  const draft = draftOf(file);
  writeFileSync(draft, text(content), { mode: 0o600 });
  renameSync(draft, file);
}

/** The content of a JSON file; undefined when there is none or a crash left it unreadable. */
export async function readPrivateJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
