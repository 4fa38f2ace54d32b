import { accessSync, constants } from 'node:fs';
import { printable } from '../../core/utilities/printable.js';
import { outputOf } from './run-program.js';

/** A server's program and where it may come from. */
export interface Program {
  /** Its name on PATH. */
  name: 'temporal' | 'versitygw';
  /** What it is, for messages. */
  title: string;
  /** The environment variable that may name its path. */
  variable: string;
  /** The variables by which the server itself may be given instead. */
  given: string;
  /** What `--version` prints. */
  versionPattern: RegExp;
  /** The version that `tools/<name>/go.mod` pins. */
  version: string;
  goPackage: string;
  buildTime: string;
  /** Fetches it ready-made into a folder, and says where it lies: the last way, where there is one. */
  download?: (folder: string) => Promise<string>;
}

export interface ProgramContext {
  environment: NodeJS.ProcessEnv;
  dataDirectory: string;
  report: (line: string) => void;
  signal?: AbortSignal;
}

/** What a way to a program led to: a path, or why not. */
export type Found = { path: string } | { reason: string };

/** Why a file is not the program it should be; undefined when it is. Other programs may bear the same name. */
export async function whyUnusable(program: Program, path: string): Promise<string | undefined> {
  try {
    accessSync(path, constants.X_OK);
    const output = await outputOf(path, ['--version'], { timeoutMs: 20_000 });
    return program.versionPattern.test(output)
      ? undefined
      : `it does not answer --version as ${program.name} does`;
  } catch (error) {
    return printable((error as Error).message);
  }
}
