import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OUR_ENV } from './contenders.js';
import { median, type Case, type CaseResult } from './harness.js';
import { sendingCommand, type LinkJob, type LinkPlace } from './link-contenders.js';
import { timed, type Finished } from './timed.js';

const CUT_AT = 0.7;
/** Long enough that nothing is on the line any more. */
const OUTAGE_MS = 3000;
const NAME = 'resume';
export const RESUME_CONTENDERS = ['whole', 'cut at 70 %'] as const;
const [WHOLE, CUT] = RESUME_CONTENDERS;

/** Bytes that came out of the line in each round, by contender. */
const arrived: Record<string, number[]> = {};

/** A transfer that is left alone, and one whose link is cut and whose sender is killed at 70 %; then it is sent again. */
export function resumeCase(job: LinkJob, place: LinkPlace): Case {
  const { lab } = place;
  const counting = (name: string, send: (command: string[]) => Promise<Finished>) => {
    const target = (round: number) => join(place.far, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${round}`);
    return {
      name,
      before: (round: number) => {
        mkdirSync(target(round));
        return Promise.resolve();
      },
      run: async (round: number) => {
        const before = lab.arrivedBytes();
        const finished = await send([...lab.near, ...sendingCommand(job, place, target(round))]);
        (arrived[name] ??= []).push(lab.arrivedBytes() - before);
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
      counting(WHOLE, (command) => timed(command, { env: OUR_ENV })),
      counting(CUT, async (command) => {
        const begun = lab.arrivedBytes();
        const enough = () => lab.arrivedBytes() - begun >= CUT_AT * job.bytes;
        await sendUntil(command, enough, async () => {
          lab.cut();
          await sleep(OUTAGE_MS);
        });
        lab.mend();
        return await timed(command, { env: OUR_ENV });
      }),
    ],
  };
}

/** Bytes that arrived more than without the cut, as a share of the bytes of the job. */
export function sentAgain(cases: CaseResult[]): Record<string, number | undefined> {
  const bytes = cases.find((one) => one.case === NAME)?.bytes;
  const [whole, cut] = [arrived[WHOLE], arrived[CUT]];
  if (bytes === undefined || whole === undefined || cut === undefined) return {};
  const again = median(cut.map((one, round) => one - (whole[round] ?? NaN))) / bytes;
  return { 'resume: sent again / bytes': Math.round(again * 10000) / 10000 };
}

/** Starts a sender, and kills it once it has sent enough and what shall happen before has happened. */
async function sendUntil(
  [program = '', ...args]: string[],
  enough: () => boolean,
  before: () => Promise<void>,
): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = once(child, 'exit');
  while (!enough()) await sleep(50);
  await before();
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await ended;
}
