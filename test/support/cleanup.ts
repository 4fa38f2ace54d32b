/** What has to be undone when a test is over, whichever way. */
export interface Cleanup {
  after(undo: () => unknown): void;
}

/** Runs a part of a test, and then undoes what it began, the last first. */
export async function withCleanup(run: (cleanup: Cleanup) => Promise<void>): Promise<void> {
  const undos: (() => unknown)[] = [];
  try {
    await run({ after: (undo) => undos.push(undo) });
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}
