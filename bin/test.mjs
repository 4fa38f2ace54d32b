import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireTools } from './test-tools.mjs';
import { prepare, PreparationError, root, say } from './prepare.mjs';
import { isolatedEnvironment, startTestStack } from './test-stack.mjs';

/**
 * `npm test [-- STAGE ... [--only TEXT]]`: every check there is, against real servers; with `--only` the test files whose path
 * holds TEXT. Closes with how many passed and failed.
 */

/** What takes 40 s and more goes first, the longest before the others: begun at the end, it would run beside an idle processor. */
const LONGEST = ['audit-commands', 'archive-repair', 'breakers', 'catalogue-plans', 'catalogue-registration'];
const COUNTS = join(root, 'dist', '.test-counts.json');
const total = { passed: 0, failed: 0 };
let only = '';
/** Test files that were run. */
let ran = 0;
let stack;
const children = new Set();
let interrupted = false;
/** What is left to do for checks that run beside the stage after them, when that has ended. */
const afterwards = [];

const stages = {
  // Each keeps one processor busy, as the build does, and needs nothing that is built: they run beside it.
  lint: () => {
    const lint = held('node_modules/eslint/bin/eslint.js', '.');
    const format = held('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.');
    afterwards.push(async () => {
      await check('lint', () => tellHeld(lint));
      await check('format', () => tellHeld(format));
    });
  },
  build: () => check('type check and build', () => prepare({ project: 'tsconfig.json', builds: 'always' })),
  unit: async () => {
    await requireTools(['openssl']);
    await tests('unit', { concurrency: 2 });
  },
  integration: async () => {
    await requireTools(['sshd', 'openssl', 'redis-server']);
    stack = await startTestStack();
    await tests('integration', { concurrency: 2, env: stack.environment });
    await stack.stop();
  },
  replay: () => tests('replay', { concurrency: 1 }),
  'end-to-end': async () => {
    await requireTools(['sshd', 'chromium']);
    await tests('end-to-end', { concurrency: 1 });
  },
};

/** One check that passes or fails as a whole. */
async function check(name, work) {
  say(`\n=== ${name}`);
  try {
    await work();
    total.passed += 1;
    say(`${name}: passed`);
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    total.failed += 1;
    say(`${name}: failed: ${error.message}`);
  }
}

/** All test files of one kind, in Node's own runner. */
async function tests(kind, { concurrency, env = {} }) {
  say(`\n=== ${kind} tests`);
  const files = testFiles(join(root, 'dist', 'test', kind));
  ran += files.length;
  if (files.length === 0) {
    if (only === '') throw new PreparationError(`there are no ${kind} tests`);
    return say(`none with "${only}" in its path`);
  }
  rmSync(COUNTS, { force: true });
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[
      `--test-reporter=${join(root, 'bin', 'count-reporter.mjs')}`,
      `--test-reporter-destination=${COUNTS}`,
    ],
  ];
  const limits = [`--test-concurrency=${concurrency}`, '--test-timeout=900000'];
  const status = await finished(
    node('--enable-source-maps', '--test', ...limits, ...reporters, ...files, { env }),
  );
  const counts = JSON.parse(existsSync(COUNTS) ? readFileSync(COUNTS, 'utf8') || '{}' : '{}');
  total.passed += counts.passed ?? 0;
  // A runner that fails without having counted a failure has failed itself.
  total.failed += counts.failed || (status === 0 ? 0 : 1);
}

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.test.js'));
  return names
    .filter((name) => name.includes(only))
    .sort((one, other) => turn(one) - turn(other) || (one < other ? -1 : 1))
    .map((name) => join(folder, name));
}

function turn(name) {
  const found = LONGEST.indexOf(name.replace('.test.js', ''));
  return found === -1 ? LONGEST.length : found;
}

function node(...args) {
  const { env = {}, output = 'inherit' } = typeof args.at(-1) === 'object' ? args.pop() : {};
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', output, output],
    env: { ...isolatedEnvironment(), ...env },
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Runs a program and keeps what it says. */
async function held(...args) {
  const child = node(...args, { output: 'pipe' });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
  return { status: await finished(child, 'close'), said };
}

async function tellHeld(running) {
  const { status, said } = await running;
  for (const chunk of said) process.stderr.write(chunk);
  if (status !== 0) throw new PreparationError(`ended with ${status}`);
}

function finished(child, event = 'exit') {
  return new Promise((resolve) => child.once(event, (code, signal) => resolve(code ?? signal)));
}

function interrupt(signal) {
  interrupted = true;
  for (const child of children) child.kill(signal);
}

async function main(args) {
  const { values, positionals: wanted } = parseArgs({
    args,
    allowPositionals: true,
    options: { only: { type: 'string', default: '' } },
  });
  only = values.only;
  const unknown = wanted.filter((name) => !Object.hasOwn(stages, name));
  if (unknown.length > 0)
    throw new PreparationError(
      `no such stage: ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}`,
    );
  await prepare({ builds: 'never' });
  for (const [name, stage] of Object.entries(stages)) {
    if (interrupted) throw new PreparationError('interrupted');
    const before = afterwards.splice(0);
    // Without a build there is nothing to test.
    if (name === 'build' || wanted.length === 0 || wanted.includes(name)) await stage();
    if (name === 'build' && total.failed > 0) return;
    for (const finish of before) await finish();
  }
  if (only !== '' && ran === 0) throw new PreparationError(`no test file has "${only}" in its path`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
try {
  await main(process.argv.slice(2));
} catch (error) {
  total.failed += 1;
  say(error instanceof PreparationError ? error.message : error.stack);
} finally {
  for (const child of children) child.kill();
  await stack?.stop();
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
