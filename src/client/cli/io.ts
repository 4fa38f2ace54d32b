/** What a command may touch of the process it runs in. */
export interface Io {
  environment: NodeJS.ProcessEnv;
  /** Standard output: results only. */
  out(text: string): void;
  /** Standard error: everything that is said on the way. */
  err: NodeJS.WriteStream;
  /** Sets the exit code of the command. */
  exit(code: number): void;
}

/** Exit codes, the same for every command. */
export const EXIT = {
  /** All is well. */
  ok: 0,
  /** Something could not be done; the reasons were told. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** Interrupted before what was asked for was done. */
  interrupted: 130,
} as const;
