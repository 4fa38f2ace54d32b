import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { BBCPError } from '../exceptions.js';
import { parseBbcpLine, type BbcpEvent } from '../utilities/bbcp-lines.js';
import { outcomeOf, settled } from '../utilities/settled.js';

const GUARD = fileURLToPath(new URL('./bbcp-guard.js', import.meta.url));
/** Lines that are kept for telling why it failed; the log of the attempt has all of them. */
const KEPT_LINES = 200;
const LINE_CHARACTERS = 2000;

/** How a run ended, and what it said besides progress. */
export interface BbcpEnd {
  exitCode: number | null;
  signal: string | null;
  lines: string[];
}

/**
 * Runs bbcp until its end. It has a process group of its own, all of which ends with it, and with this very process: the agent, the source
 * that it starts, and the ssh to the other end, by whose end the target there ends too.
 *
 * @param onLine told every line, and what it means where it means something
 * @throws the signal's reason once everything of it has ended here; BBCPError where no process can be started
 */
export async function runBbcp(
  program: string,
  args: string[],
  onLine: (line: string, event: BbcpEvent | undefined) => void,
  signal: AbortSignal,
): Promise<BbcpEnd> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [GUARD, program, ...args], {
    detached: true,
    shell: false,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const take = (line: string) => {
    const short = line.slice(0, LINE_CHARACTERS);
    const event = parseBbcpLine(short);
    if (event?.kind !== 'progress') lines.push(short);
    if (lines.length > KEPT_LINES) lines.shift();
    onLine(short, event);
  };
  const endGroup = () => killGroup(child.pid);
  signal.addEventListener('abort', endGroup);
  try {
    const read = settled(Promise.all([readLines(child.stdout, take), readLines(child.stderr, take)]));
    const end = await new Promise<Omit<BbcpEnd, 'lines'>>((resolve, reject) => {
      child.on('error', (error) => reject(notStarted(error)));
      child.on('exit', (exitCode, by) => {
        // Whoever the agent left behind holds on to its streams, and to the file.
        endGroup();
        resolve({ exitCode, signal: by });
      });
    });
    outcomeOf(await read);
    signal.throwIfAborted();
    return { ...end, lines };
  } finally {
    signal.removeEventListener('abort', endGroup);
  }
}

async function readLines(stream: Readable, take: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) take(line);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function notStarted(cause: Error): BBCPError {
  return new BBCPError(`bbcp can't be started: ${cause.message}`, {
    advice:
      'It is tried again by itself. If it stays so, look at the limits of processes and memory on this host.',
    cause,
  });
}
