import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One process and no other: process numbers are given again, a number together with its start time is not. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the operating system's own terms: comparable, not readable. */
  startTime: string;
}

/** The identity of a running process; undefined when there is none of this number, or only its remains. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = process.platform === 'linux' ? linuxStartTime(pid) : portableStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

/** The identity of this very process. */
export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, startTime: 'unknown' };
}

/** The command line of a process, empty where it can't be read. */
export function commandOf(pid: number): string[] {
  return (readProc(`${pid}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
}

/** The parent's number; undefined for the first process of all and where it can't be known. */
export function parentOf(pid: number): number | undefined {
  const parent = Number(statFields(pid)?.[1]);
  return parent > 0 ? parent : undefined;
}

/** The numbers of all processes that were started with this variable in their environment (Linux; elsewhere none). */
export function processesWithVariable(name: string, value: string): number[] {
  if (process.platform !== 'linux') return [];
  const wanted = `\0${name}=${value}\0`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && `\0${readProc(`${entry}/environ`) ?? ''}`.includes(wanted))
    .map(Number);
}

/** Sends a signal to a process, or with a negative number to a process group. False when it no longer exists. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function linuxStartTime(pid: number): string | undefined {
  const fields = statFields(pid);
  // A zombie holds nothing any more: its files, ports and locks are gone.
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  // Ticks count from the boot: only together with it do they name one moment.
  return `${fields[19] ?? ''}@${readProc('sys/kernel/random/boot_id')?.trim() ?? ''}`;
}

/** The fields of /proc/<pid>/stat behind the name, which may hold spaces and brackets: state, parent, ... */
function statFields(pid: number): string[] | undefined {
  const stat = readProc(`${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function portableStartTime(pid: number): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim() ||
      undefined
    );
  } catch (error) {
    // `ps` ends with 1 when there is no such process.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}

/** A file of /proc; undefined when the process has ended meanwhile or is not ours to look into. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}
