/** Statuses of gRPC that tell of a server or a network which is away for now: cancelled, unknown, deadline, exhausted, aborted, internal, unavailable. */
const PASSING = new Set([1, 2, 4, 8, 10, 13, 14]);

/** Whether a call that ended with this status may succeed later with nothing changed; all others stay until somebody changes something. */
export function statusPasses(status: number): boolean {
  return PASSING.has(status);
}

/** Whether the server said that it does not have what it was asked about. */
export function statusIsNotFound(status: number): boolean {
  return status === 5;
}
