import type { Credentials } from './credentials.js';
import type { DataPaths } from './data-directory.js';
import type { Ports } from './ports.js';
import type { Supervisor } from './supervisor.js';

export interface StackOptions {
  /** Locked by the caller (`lockDataDirectory`). */
  dataDirectory: string;
  /** Where servers and programs may be named; see the README. */
  environment: NodeJS.ProcessEnv;
  /** Told what happens, a line each. */
  report: (line: string) => void;
  supervisor: Supervisor;
  /** Breaks off a build or download of a server's program. */
  signal?: AbortSignal;
}

/** What the parts of the stack are started with. */
export interface StackContext extends StackOptions {
  paths: DataPaths;
  ports: Ports;
  credentials: Credentials;
}
