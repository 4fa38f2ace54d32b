import { readFileSync, readdirSync } from 'node:fs';

/** The kernel counts CPU time in these, whatever its own clock. */
const TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 1000;

interface Used {
  part: string;
  cpuSeconds: number;
  peakRssBytes: number;
  /** Through all of its system calls: files and sockets, whether the kernel had them in memory or not (`rchar`, `wchar`). */
  bytesRead: number;
  bytesWritten: number;
}

/** Looks again and again at what the processes that this one started have used, by the kernel's own account (`/proc`). */
export class Account {
  private readonly used = new Map<string, Used>();
  private readonly timer: NodeJS.Timeout;

  /** @param parts how the main process of each part shows itself on its command line; its children belong to it */
  constructor(private readonly parts: Record<string, RegExp>) {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  /** Seconds of CPU time so far, by part. */
  cpuSeconds(): Map<string, number> {
    return this.sums('cpuSeconds');
  }

  /** Bytes that passed through the system calls of the parts whose name begins so, so far. */
  bytesMoved(prefix: string): { read: number; written: number } {
    const of = (sums: Map<string, number>) =>
      [...sums].reduce((sum, [part, bytes]) => (part.startsWith(prefix) ? sum + bytes : sum), 0);
    return { read: of(this.sums('bytesRead')), written: of(this.sums('bytesWritten')) };
  }

  /** Of the largest process of the parts whose name begins so, so far. */
  peakRssBytes(prefix: string): number {
    this.look();
    const peaks = [...this.used.values()].filter(({ part }) => part.startsWith(prefix));
    return Math.max(...peaks.map(({ peakRssBytes }) => peakRssBytes));
  }

  private sums(figure: 'cpuSeconds' | 'bytesRead' | 'bytesWritten'): Map<string, number> {
    this.look();
    const sums = new Map<string, number>();
    for (const used of this.used.values()) sums.set(used.part, (sums.get(used.part) ?? 0) + used[figure]);
    return sums;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const children = new Map<string, string[]>();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const parent = fieldsOf(pid)?.[1];
      if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
    }
    const visit = (pid: string, above: string | undefined): void => {
      const part = this.partOf(pid) ?? above;
      if (part !== undefined) this.note(pid, part);
      for (const child of children.get(pid) ?? []) visit(child, part);
    };
    for (const child of children.get(String(process.pid)) ?? []) visit(child, undefined);
  }

  private partOf(pid: string): string | undefined {
    const line = read(pid, 'cmdline')?.replaceAll('\0', ' ') ?? '';
    return Object.keys(this.parts).find((part) => this.parts[part]!.test(line));
  }

  private note(pid: string, part: string): void {
    const fields = fieldsOf(pid);
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(read(pid, 'status') ?? '')?.[1];
    // It has just ended.
    if (fields === undefined || peak === undefined) return;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    // A number is given again; together with the time of its start it is not.
    const io = read(pid, 'io') ?? '';
    this.used.set(`${pid} ${fields[19]}`, {
      part,
      cpuSeconds,
      peakRssBytes: Number(peak) * 1024,
      bytesRead: Number(/^rchar: (\d+)/m.exec(io)?.[1] ?? 0),
      bytesWritten: Number(/^wchar: (\d+)/m.exec(io)?.[1] ?? 0),
    });
  }
}

/** The fields of a process's `stat` after its name, the state first; undefined where it has ended. */
function fieldsOf(pid: string): string[] | undefined {
  const stat = read(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(pid: string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
