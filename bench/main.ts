import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { shutdownWish } from '../src/client/embedded/starter.js';
import { archive } from './archive.js';
import { digest } from './digest.js';
import { oneAfterTheOther, type Bench } from './harness.js';
import { link } from './link.js';
import { orchestrate } from './orchestrate.js';
import { packageBench } from './package.js';
import { pipeline } from './pipeline.js';
import { planning } from './planning.js';
import { tableOf } from './table.js';
import { endWith } from './timed.js';

/** `npm run bench -- NAME [--json FILE] [--runs N] [--only TEXT] [--contenders A,B]`. */

const BENCHES: Record<string, Bench> = {
  archive,
  digest,
  link,
  orchestrate: oneAfterTheOther('orchestrate', orchestrate, planning),
  package: packageBench,
  pipeline,
  planning,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    contenders: { type: 'string', default: '' },
  },
});
const say = (line: string) => process.stderr.write(`${line}\n`);
const [name = ''] = positionals;
const runs = Number(values.runs);
const bench = BENCHES[name];
if (bench === undefined || positionals.length > 1 || !Number.isInteger(runs) || runs < 1) {
  say(
    `usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--json FILE] [--runs N] [--only TEXT] [--contenders A,B]`,
  );
  process.exit(2);
}
const contenders = values.contenders.split(',').filter((one) => one !== '');
const wish = shutdownWish();
endWith(wish.signal);
const document = await bench({ runs, only: values.only, contenders, say, signal: wish.signal }).finally(() =>
  wish.dispose(),
);
if (document.cases.length === 0) {
  say(
    `no case has "${values.only}" in its name, or no contender is one of: ${contenders.join(', ') || 'all'}`,
  );
  process.exit(2);
}
process.stdout.write(`${tableOf(document)}\n`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
