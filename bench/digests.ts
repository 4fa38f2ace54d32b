import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Writes the digests of files as `sha256sum` does. */
export function writeDigests(path: string, files: string[]): void {
  execFileSync('sh', ['-c', 'out=$1; shift; sha256sum "$@" > "$out"', 'sh', path, ...files]);
}

/** The digests of a file that `sha256sum` wrote, hex, by file name. */
export function readDigests(path: string): Map<string, string> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return new Map(lines.map((line) => [basename(line.slice(66)), line.slice(0, 64)]));
}
