import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { BbcpTransport, type BbcpTarget } from '../../../src/core/transport/bbcp-transport.js';
import type { Transport } from '../../../src/core/transport/transport.js';
import type { Fault } from '../../support/bbcp-stand-in.js';
import { removeTree } from '../../support/scratch.js';
import { withSshd, type TestSshd } from './sshd.js';

/** The program bbcp itself, where the tests are told of one; else what stands in for it. */
export const REAL_BBCP = process.env['BBCP'];

const STAND_IN = fileURLToPath(new URL('../../support/bbcp-stand-in.js', import.meta.url));

export interface BbcpLab {
  /** How to make another such transport. */
  target: BbcpTarget;
  transport: Transport;
  /** Has what stands in for bbcp spoil what follows; nothing more where undefined. */
  fault: (fault: Fault | undefined) => void;
}

/** Runs a test with a way to a directory by bbcp, over a real SSH server. */
export async function withBbcp(
  directory: string,
  change: (sshd: TestSshd, program: string) => Partial<BbcpTarget>,
  run: (lab: BbcpLab) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cdt-test-bbcp-'));
  const program = REAL_BBCP ?? standIn(folder);
  try {
    await withSshd(async (sshd) => {
      const target: BbcpTarget = {
        ...sshd.target(directory),
        transport: 'bbcp',
        bbcp: { program, remoteProgram: program, streams: 4 },
        ...change(sshd, program),
      };
      const transport = new BbcpTransport(target);
      try {
        await run({ target, transport, fault: (fault) => writeFault(folder, fault) });
      } finally {
        await transport.close();
      }
    });
  } finally {
    removeTree(folder);
  }
}

function standIn(folder: string): string {
  const path = join(folder, 'bbcp');
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' '${folder}' "$@"\n`, {
    mode: 0o755,
  });
  return path;
}

function writeFault(folder: string, fault: Fault | undefined): void {
  const path = join(folder, 'fault');
  if (fault === undefined) rmSync(path, { force: true });
  else writeFileSync(path, JSON.stringify(fault));
}

/** The processes that have a file of this folder open. */
export function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid !== process.pid && filesOf(pid).some((path) => path.startsWith(`${folder}/`)));
}

/** Waits until nobody has a file of this folder open. */
export async function untilLeftAlone(folder: string): Promise<void> {
  for (let tries = 0; processesIn(folder).length > 0; tries += 1) {
    assert.ok(tries < 200, `processes ${processesIn(folder).join(', ')} still work in ${folder}`);
    await sleep(50);
  }
}

/** The bbcp that this process started. */
export function agents(): number[] {
  return childrenOf(process.pid).filter(isBbcp).flatMap(childrenOf);
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').map(Number).filter(Boolean);
}

function isBbcp(pid: number): boolean {
  const path = `/proc/${pid}/cmdline`;
  // The list holds the program that made it, which is gone by now.
  return existsSync(path) && readFileSync(path, 'utf8').includes('\0-S\0ssh ');
}

function filesOf(pid: number): string[] {
  if (!Number.isInteger(pid)) return [];
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(join(folder, name))];
      } catch {
        // Closed meanwhile.
        return [];
      }
    });
  } catch {
    // It has ended, or is somebody else's.
    return [];
  }
}
