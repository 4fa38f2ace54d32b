import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ConfigurationError } from '../../core/exceptions.js';
import { printable } from '../../core/utilities/printable.js';
import { cacheDirectory } from './cache-directory.js';
import { buildWithGo } from './go-build.js';
import { whyUnusable, type Found, type Program, type ProgramContext } from './program.js';

/**
 * Finds a server's program, trying one way after the other: named by its variable, on PATH, cached from before, built by
 * the Go toolchain, downloaded. Each step that takes time says so.
 *
 * @throws ConfigurationError when the variable names something unusable, or when no way works: with all ways and why not
 */
export async function findProgram(program: Program, context: ProgramContext): Promise<string> {
  const { environment, report } = context;
  const named = environment[program.variable];
  if (named !== undefined && named !== '') return namedProgram(program, named);
  const cache = await cacheDirectory(context);
  const file = `${program.name}-${program.version}-${process.platform}-${process.arch}`;
  const cached = [file, `${program.name}-downloaded-${process.platform}-${process.arch}`].map((name) =>
    join(cache, name),
  );
  const ways: [string, () => Promise<Found>][] = [
    [`\`${program.name}\` on PATH`, () => firstUsable(program, onPath(program.name, environment))],
    [`cached in ${cache}`, () => firstUsable(program, cached)],
    ['built by the Go toolchain', () => buildWithGo(program, join(cache, file), context)],
    ['downloaded', () => downloaded(program, cache, context)],
  ];
  const reasons: string[] = [];
  for (const [way, attempt] of ways) {
    context.signal?.throwIfAborted();
    const found = await attempt();
    if ('path' in found) {
      report(`${program.title}: ${printable(found.path)} (${way})`);
      return found.path;
    }
    reasons.push(`${way}: ${found.reason}`);
  }
  throw new ConfigurationError(
    [
      `${program.title} can't be had in any way:`,
      `${program.given}: not set`,
      `${program.variable}: not set`,
      ...reasons,
    ].join('\n  - '),
    {
      operation: 'start',
      subject: program.name,
      advice: `install Go (1.21 or newer) or ${program.name}, or set one of these variables`,
    },
  );
}

async function namedProgram(program: Program, path: string): Promise<string> {
  const reason = await whyUnusable(program, path);
  if (reason === undefined) return path;
  throw new ConfigurationError(
    `${program.variable} names ${printable(path)}, which can't be used: ${reason}`,
    {
      operation: 'start',
      subject: path,
      advice: `correct ${program.variable} or unset it`,
    },
  );
}

async function firstUsable(program: Program, paths: string[]): Promise<Found> {
  const reasons: string[] = [];
  for (const path of paths.filter(isFile)) {
    const reason = await whyUnusable(program, path);
    if (reason === undefined) return { path };
    reasons.push(`${path} can't be used: ${reason}`);
  }
  return { reason: reasons.join('; ') || 'not there' };
}

function onPath(name: string, environment: NodeJS.ProcessEnv): string[] {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function downloaded(program: Program, cache: string, context: ProgramContext): Promise<Found> {
  if (program.download === undefined) return { reason: 'nobody offers it ready-made for this' };
  context.report(`downloading ${program.title} (once)`);
  try {
    return { path: await program.download(cache) };
  } catch (error) {
    return { reason: printable((error as Error).message) };
  }
}
