import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './lock.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const below = (...parts) => join(root, ...parts);

const OLDEST_NODE = [20, 19];
const LOCK_FILE = below('package-lock.json');
const INSTALLED_LOCK = below('node_modules', '.package-lock.json');
const INSTALL_STAMP = below('node_modules', '.installed.json');
const BUILD_STAMP = below('dist', '.build.json');

/** A step that failed; its own output has said why. */
export class PreparationError extends Error {}

/**
 * Makes the repository ready to run: installs the packages and builds, each only where needed, and says so on standard
 * error. Starts at the same moment wait for each other.
 *
 * @param options.project the TypeScript project to build: by default the program without its tests
 * @param options.builds `needed`: when a source has changed; `always`; or `never`
 */
export async function prepare({ project = 'bin/tsconfig.json', builds = 'needed' } = {}) {
  checkNode();
  // Installed as a package: it came built, and npm has installed what it needs.
  if (!existsSync(below('src'))) return;
  const isReady = () => isInstalled() && (builds === 'never' || (builds === 'needed' && isBuilt()));
  if (isReady()) return;
  mkdirSync(below('dist'), { recursive: true });
  const release = await takeLock(below('dist', '.lock'), (pid) =>
    say(`waiting for process ${pid}, which is preparing the same`),
  );
  try {
    if (!isInstalled()) install();
    if (!isReady()) build(project);
  } finally {
    release();
  }
}

export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs a program to its end, all of its output on standard error. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    ...options,
  });
  if (error !== undefined) throw new PreparationError(`${command} can't be run: ${error.message}`);
  if (status !== 0)
    throw new PreparationError(`${[command, ...args].join(' ')} ended with ${signal ?? status}`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new PreparationError(
    `Node.js ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node} (${process.execPath})`,
  );
}

/** Whether node_modules is what the lock file says: by its content where we installed it, else by age. */
function isInstalled() {
  // npm writes this file last: without it, an installation was broken off.
  if (!existsSync(INSTALLED_LOCK)) return false;
  return (
    readStamp(INSTALL_STAMP) === hashOf([LOCK_FILE]) ||
    statSync(INSTALLED_LOCK).mtimeMs >= statSync(LOCK_FILE).mtimeMs
  );
}

function install() {
  say('installing packages (npm ci) ...');
  // What npm passes on to scripts it starts must not reach another npm: `npm start --silent` would hide its errors.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'npm_config_loglevel'),
  );
  // Building needs the development packages too, whatever NODE_ENV says.
  const flags = ['--include=dev', '--include=optional', '--no-progress'];
  run('npm', ['ci', ...flags], { env });
  writeStamp(INSTALL_STAMP, hashOf([LOCK_FILE]));
}

function isBuilt() {
  return readStamp(BUILD_STAMP) === buildHash();
}

function build(project) {
  say('building ...');
  const hash = buildHash();
  rmSync(BUILD_STAMP, { force: true });
  // Always as a whole: TypeScript's notes on what it has built know nothing of outputs that somebody removed.
  const whole = ['--incremental', 'false', '--tsBuildInfoFile', 'null'];
  run(process.execPath, [below('node_modules', 'typescript', 'bin', 'tsc'), '-p', project, ...whole]);
  removeStaleOutputs();
  run(process.execPath, [below('bin', 'bundle.mjs')]);
  writeStamp(BUILD_STAMP, hash);
}

/** Outputs of sources that are gone would still be run, as tests above all. */
function removeStaleOutputs() {
  for (const part of ['src', 'test', 'bench'].filter((name) => existsSync(below('dist', name)))) {
    for (const file of filesBelow(below('dist', part))) {
      const source = file.replace(below('dist'), root).replace(/(\.d\.ts|\.js(\.map)?)$/, '.ts');
      if (!existsSync(source)) rmSync(file);
    }
  }
}

function buildHash() {
  return hashOf([
    ...filesBelow(below('src')),
    below('tsconfig.json'),
    ...filesBelow(below('bin')),
    LOCK_FILE,
  ]);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(createHash('sha256').update(readFileSync(file)).digest());
  return hash.digest('hex');
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function writeStamp(file, hash) {
  writeFileSync(file, hash);
}
