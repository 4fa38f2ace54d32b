import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process as /proc shows it. A number together with a start time is never given again. */
export interface RunningProcess {
  pid: number;
  startTime: string;
  command: string[];
}

/** Every process that was started for a data directory: its path stands in the command line or the environment of each. */
export function processesOf(dataDirectory: string): RunningProcess[] {
  const found: RunningProcess[] = [];
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    const command = readProc(pid, 'cmdline');
    const startTime = startTimeOf(pid);
    if (startTime === undefined || !`${command}\0${readProc(pid, 'environ')}`.includes(dataDirectory))
      continue;
    found.push({ pid: Number(pid), startTime, command: command.split('\0') });
  }
  return found;
}

/** Sends a signal to exactly this process; false when it has ended. */
export function signalProcess({ pid, startTime }: RunningProcess, signal: NodeJS.Signals): boolean {
  if (startTimeOf(String(pid)) !== startTime) return false;
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The processes of a data directory that are still there after a while in which they may end. */
export async function leftBehind(dataDirectory: string, patienceMs = 15_000): Promise<RunningProcess[]> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const found = processesOf(dataDirectory);
    if (found.length === 0 || Date.now() > until) return found;
    await sleep(100);
  }
}

/** Undefined for a process that has ended, also where only its entry is left. */
function startTimeOf(pid: string): string | undefined {
  const stat = readProc(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === undefined || ['', 'Z', 'X'].includes(fields[0]) ? undefined : fields[19];
}

/** Empty when the process has ended meanwhile or belongs to someone else. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return '';
    throw error;
  }
}
