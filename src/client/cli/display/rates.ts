import { z } from 'zod';

const progressMessage = z.object({
  type: z.literal('progress'),
  operation: z.string(),
  subject: z.string(),
  bytesDone: z.number().nonnegative(),
  bytesTotal: z.number().nonnegative(),
});

/** What a worker says about one piece of work: the bytes done of it so far. */
export type ProgressMessage = z.infer<typeof progressMessage>;

/** The message when it is one, undefined for anything else that a process may send. */
export function parseProgress(message: unknown): ProgressMessage | undefined {
  return progressMessage.safeParse(message).data;
}

/** How long a rate looks back, in milliseconds. */
const WINDOW = 10_000;
/** Subjects remembered for each operation; far more than are ever in flight. */
const REMEMBERED = 1000;

interface Subject {
  bytesDone: number;
  bytesTotal: number;
  /** The furthest it ever was, over restarts. */
  furthest: number;
}

interface Work {
  subjects: Map<string, Subject>;
  moved: { at: number; bytes: number }[];
  /** How far all subjects together have come. */
  bytesDone: number;
}

/**
 * Adds up what the workers say, by operation. Of each subject counts how far it has come, so that a worker that starts again and
 * repeats itself changes nothing; going back to an earlier value is a restart, not negative progress.
 */
export class Rates {
  private readonly operations = new Map<string, Work>();

  /**
   * Takes one message.
   *
   * @param now milliseconds
   * @returns whether its subject is further than it ever was: bytes that are moved again after a failure are no progress
   */
  add(message: ProgressMessage, now: number): boolean {
    const work = this.workOf(message.operation);
    const before = work.subjects.get(message.subject);
    const bytes = Math.max(0, message.bytesDone - (before?.bytesDone ?? 0));
    if (bytes > 0) work.moved.push({ at: now, bytes });
    const furthest = Math.max(before?.furthest ?? 0, message.bytesDone);
    const further = furthest - (before?.furthest ?? 0);
    work.bytesDone += further;
    // Taken out and put in again, so that the subject that was silent longest stands first and is forgotten first.
    work.subjects.delete(message.subject);
    work.subjects.set(message.subject, {
      bytesDone: message.bytesDone,
      bytesTotal: message.bytesTotal,
      furthest,
    });
    const [oldest] = work.subjects.keys();
    if (oldest !== undefined && work.subjects.size > REMEMBERED) work.subjects.delete(oldest);
    return further > 0;
  }

  /** Bytes done since the first message, each counted once however often it had to be moved. */
  done(operation: string): number {
    return this.operations.get(operation)?.bytesDone ?? 0;
  }

  /** Bytes per second over the last ten seconds, or since the first byte where that is less. */
  rate(operation: string, now: number): number {
    const work = this.operations.get(operation);
    if (work === undefined) return 0;
    work.moved = work.moved.filter(({ at }) => at > now - WINDOW);
    const [first] = work.moved;
    if (first === undefined) return 0;
    const seconds = Math.max(1, (now - first.at) / 1000);
    return work.moved.reduce((sum, { bytes }) => sum + bytes, 0) / seconds;
  }

  private workOf(operation: string): Work {
    const found = this.operations.get(operation) ?? {
      subjects: new Map<string, Subject>(),
      moved: [],
      bytesDone: 0,
    };
    this.operations.set(operation, found);
    return found;
  }
}
