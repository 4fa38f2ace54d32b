import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, type Case, type CaseResult } from './harness.js';
import { sendingCommand, type LinkJob, type LinkPlace } from './link-contenders.js';
import { timed, type Finished } from './timed.js';

const CUT_AT = 0.7;
/** Long enough that nothing is on the line any more. */
const OUTAGE_MS = 3000;
const NAME = 'resume';
export const RESUME_CONTENDERS = ['whole', 'cut at 70 %'] as const;
const [WHOLE, CUT] = RESUME_CONTENDERS;

/** Bytes that the senders gave to the kernel in each round, by contender: told by the kernel, what waited in sockets at the kill included. */
const written: Record<string, number[]> = {};

/** A transfer that is left alone, and one whose link is cut and whose sender is killed at 70 %; then it is sent again. */
export function resumeCase(job: LinkJob, place: LinkPlace): Case {
  const { lab } = place;
  const counting = (
    name: string,
    send: (command: string[]) => Promise<{ finished: Finished; bytes: number }>,
  ) => {
    const target = (round: number) => join(place.far, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${round}`);
    return {
      name,
      before: (round: number) => {
        mkdirSync(target(round));
        return Promise.resolve();
      },
      run: async (round: number) => {
        const { finished, bytes } = await send([...lab.near, ...sendingCommand(job, place, target(round))]);
        (written[name] ??= []).push(bytes);
        return finished;
      },
      after: (round: number) => {
        rmSync(target(round), { recursive: true, force: true });
        return Promise.resolve();
      },
    };
  };
  return {
    name: NAME,
    bytes: job.bytes,
    files: job.files.length,
    contenders: [
      counting(WHOLE, sendCounted),
      counting(CUT, async (command) => {
        const before = await sendUntil(command, CUT_AT * job.bytes, async () => {
          lab.cut();
          await sleep(OUTAGE_MS);
        });
        lab.mend();
        const { finished, bytes } = await sendCounted(command);
        return { finished, bytes: before + bytes };
      }),
    ],
  };
}

/** Bytes that were sent more than without the cut, as a share of the bytes of the job. */
export function sentAgain(cases: CaseResult[]): Record<string, number | undefined> {
  const bytes = cases.find((one) => one.case === NAME)?.bytes;
  const [whole, cut] = [written[WHOLE], written[CUT]];
  if (bytes === undefined || whole === undefined || cut === undefined) return {};
  const again = median(cut.map((one, round) => one - (whole[round] ?? NaN))) / bytes;
  return { 'resume: sent again / bytes': Math.round(again * 10000) / 10000 };
}

/** The kernel's account of a process includes the children that it has waited for. */
async function sendCounted(command: string[]): Promise<{ finished: Finished; bytes: number }> {
  const finished = await timed(['sh', '-c', '"$@" && cat /proc/$$/io', 'sh', ...command]);
  return { finished, bytes: bytesWritten(finished.output) };
}

/**
 * Starts a sender, and kills it once it has sent so many bytes and what shall happen before has happened.
 *
 * @returns bytes that it had sent
 */
async function sendUntil(
  [program = '', ...args]: string[],
  enough: number,
  before: () => Promise<void>,
): Promise<number> {
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = once(child, 'exit');
  const sent = () => bytesWritten(readFileSync(`/proc/${child.pid ?? 0}/io`, 'utf8'));
  while (sent() < enough) await sleep(20);
  await before();
  const bytes = sent();
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await ended;
  return bytes;
}

function bytesWritten(account: string): number {
  return Number(/^wchar: (\d+)$/m.exec(account)?.[1] ?? NaN);
}
