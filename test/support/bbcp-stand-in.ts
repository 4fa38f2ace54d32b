/**
 * Stands in for the program bbcp where that is not installed: takes its arguments, starts its other half over ssh as bbcp does, moves the bytes
 * (over that ssh) and says what bbcp 15.02 says. As with bbcp, the copy goes on when the agent alone is killed.
 *
 * A file `fault` beside the program spoils the target: see {@link Fault}.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { fchmodSync, fsyncSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** After so many bytes the target says this and ends so; `%P` is its path. */
export interface Fault {
  afterBytes: number;
  says?: string;
  exits?: number;
  killedBy?: NodeJS.Signals;
}

interface Order {
  path: string;
  bytes: number;
  append: boolean;
  progressSeconds: number;
}

const MIB = 1024 * 1024;
const [folder = '', role = '', ...rest] = process.argv.slice(2);

if (role === 'SNK') await target();
else if (role === 'SRC') await source(rest);
else await agent([role, ...rest]);

/** Starts the source and waits for it. */
async function agent(args: string[]): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1] ?? '', folder, 'SRC', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 255;
}

async function source(args: string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ S: { ...text, short: 'S' }, T: { ...text, short: 'T' }, s: { ...text, short: 's' } },
      ...{ P: { ...text, short: 'P' }, w: { ...text, short: 'w' }, x: { ...text, short: 'x' } },
      ...{ Z: { ...text, short: 'Z' }, y: { ...text, short: 'y' }, V: { ...flag, short: 'V' } },
      ...{ e: { ...flag, short: 'e' }, n: { ...flag, short: 'n' }, z: { ...flag, short: 'z' } },
      ...{ a: { ...flag, short: 'a' }, k: { ...flag, short: 'k' } },
    },
  });
  const [file = '', to = ''] = positionals;
  const [, user = '', host = '', path = ''] = /^(.+)@([^:]+):(.+)$/.exec(to) ?? [];
  if (!existsSync(file)) fail(`No such file or directory processing ${file}`, 2);
  const put: Record<string, string[]> = { '%4': [], '%I': [], '%U': [user], '%H': [host] };
  const command = (values.T ?? '').split(' ').flatMap((word) => put[word] ?? [word]);
  const [program, ...words] = [...command, 'SNK'];
  const begun = performance.now();
  const remote = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  remote.stdin.on('error', () => undefined);
  const ended = once(remote, 'exit') as Promise<[number | null]>;
  const bytes = statSync(file).size;
  const order: Order = { path, bytes, append: values.a === true, progressSeconds: Number(values.P) };
  remote.stdin.write(`${JSON.stringify(order)}\n`);
  const offset = await firstLine(remote.stdout);
  if (offset === undefined) {
    const [code] = await ended;
    if (code === 255 || code === 127) fail(`bbcp unexpectedly terminated on ${host}`, 255);
    process.exit(code ?? 255);
  }
  await send(file, Number(offset), Number(values.x ?? Infinity), remote.stdin);
  const [code] = await ended;
  if (code === 0 && bytes > 0) say(`1 file copied at effectively ${rate(bytes, begun)}`);
  process.exit(code ?? 255);
}

async function send(
  file: string,
  offset: number,
  bytesPerSecond: number,
  to: NodeJS.WritableStream,
): Promise<void> {
  const begun = performance.now();
  let sent = 0;
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    if (!to.writable) return;
    sent += chunk.length;
    const early = (sent / bytesPerSecond) * 1000 - (performance.now() - begun);
    if (early > 20) await sleep(early);
  }
  to.end();
}

async function target(): Promise<void> {
  const words = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let pending: Buffer = Buffer.alloc(0);
  while (!pending.includes('\n')) {
    const next = await words.next();
    if (next.done === true) process.exit(8);
    pending = Buffer.concat([pending, next.value]);
  }
  const end = pending.indexOf('\n');
  const { path, bytes, append, progressSeconds } = JSON.parse(pending.subarray(0, end).toString()) as Order;
  say('Target 127.0.0.1 using initial recv window of 131072');
  const there = existsSync(path) ? statSync(path).size : 0;
  if (existsSync(path) && !append) fail(`File ${path} already exists.`, 22);
  if (append && existsSync(path) && there === bytes) {
    say(`bbcp: File ${path} appears to have already been copied; copy skipped.`);
    process.exit(0);
  }
  const { bavail, bsize } = statfsSync(join(path, '..'));
  if (bavail * bsize < bytes - there)
    fail('Insufficient space to copy all the files from [::ffff:127.0.0.1]', 28);
  say(`bbcp: ${append ? `Appending to ${path} at offset ${there}` : `Creating ${path}`}`);
  let file = -1;
  try {
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    file = openSync(path, O_WRONLY | O_CREAT | (append ? 0 : O_EXCL), 0o200);
  } catch (error) {
    fail(`${inWords(error)} opening ${path}`, 13);
  }
  process.stdout.write(`${there}\n`);
  const fault = readFault();
  const begun = performance.now();
  const moved = { now: 0, before: 0 };
  const show = () => {
    const percent = Math.floor((moved.now * 100) / (bytes - there));
    const now = new Date().toISOString();
    const at = `${now.slice(2, 10).replaceAll('-', '')} ${now.slice(11, 19)}`;
    const lately = ((moved.now - moved.before) / MIB).toFixed(1);
    say(`bbcp: ${at}  ${percent}% done; ${lately} MB/s, avg ${rate(moved.now, begun)}`);
    moved.before = moved.now;
    // As bbcp does: the first after so many seconds, the others after one less.
    setTimeout(show, (progressSeconds - 1) * 1000).unref();
  };
  setTimeout(show, progressSeconds * 1000).unref();
  for (let piece = pending.subarray(end + 1); ;) {
    for (let at = 0; at < piece.length;) {
      try {
        at += writeSync(file, piece, at, piece.length - at, there + moved.now + at);
      } catch (error) {
        fail(`${inWords(error)} writing ${path}`, 128);
      }
    }
    moved.now += piece.length;
    if (fault !== undefined && moved.now >= fault.afterBytes) spoil(fault, path);
    const next = await words.next();
    if (next.done === true) break;
    piece = next.value;
  }
  if (there + moved.now !== bytes) fail(`Not all data was transfered for ${path}`, 29);
  fsyncSync(file);
  fchmodSync(file, 0o644);
  closeSync(file);
  say(`File ${path} created; ${moved.now} bytes at ${rate(moved.now, begun)}`);
  say('48 buffers used with 0 reorders; peaking at 0.');
  process.exit(0);
}

function readFault(): Fault | undefined {
  const path = join(folder, 'fault');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Fault) : undefined;
}

function spoil({ says, exits, killedBy }: Fault, path: string): void {
  if (says !== undefined) say(says.replaceAll('%P', path));
  if (killedBy !== undefined) process.kill(process.pid, killedBy);
  process.exit(exits ?? 1);
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  for await (const chunk of stream as AsyncIterable<Buffer>) return chunk.toString().trim();
  return undefined;
}

function inWords(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOSPC: 'No space left on device',
    EACCES: 'Permission denied',
    ENOENT: 'No such file or directory',
  };
  return words[code] ?? code;
}

function rate(bytes: number, begun: number): string {
  return `${(bytes / MIB / Math.max(0.001, (performance.now() - begun) / 1000)).toFixed(1)} MB/s`;
}

function say(line: string): void {
  writeSync(2, `${line}\n`);
}

function fail(words: string, code: number): never {
  say(`bbcp: ${words}`);
  process.exit(code);
}
