import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

/** `npm run docs`: writes the tables of docs/configuration.md anew from the program's own. */

await prepare({ project: 'tsconfig.json', builds: 'always' });
const { keyRows, settingRows } = await import('../dist/src/core/configuration/reference.js');
const page = join(root, 'docs', 'configuration.md');
const tables = [keyRows(), settingRows()].map((rows) =>
  rows.map((cells) => `| ${cells.join(' | ')} |\n`).join(''),
);
// The rows below each head: all lines that begin with a name in backquotes.
const text = readFileSync(page, 'utf8').replace(/(?:^\| `.*\n)+/gm, () => tables.shift() ?? '');
writeFileSync(page, text);
spawnSync(process.execPath, [join(root, 'node_modules/prettier/bin/prettier.cjs'), '--write', page], {
  stdio: 'inherit',
});
