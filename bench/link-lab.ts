import { execFileSync } from 'node:child_process';
import { findProgram } from './contenders.js';

/** A long link between two hosts on one machine: two network namespaces with real TCP between them. */
export interface LinkLab {
  /** The words before a command so that it runs at the near or the far end. */
  near: string[];
  far: string[];
  /** Addresses of the two ends. */
  nearAddress: string;
  farAddress: string;
  /** Bytes that came out of the line at the far end so far, headers included: the kernel's account of its device. What a queue dropped is not in it. */
  arrivedBytes(): number;
  cut(): void;
  mend(): void;
  down(): void;
}

export interface LinkShape {
  roundTripMs: number;
  megabitsPerSecond: number;
  /** 0 to 1. */
  loss: number;
  /** The kernel's default unless set. */
  congestionControl?: string;
}

const NAMES = ['cdtnear', 'cdtfar'] as const;
const NET = '10.87.0';
const QUEUE_MS = 200;

/**
 * Brings the link up: by `tc netem` where the kernel has it, else by the program that `WAN_LAB` names (`up`, `cut`, `mend`, `down`).
 *
 * @throws Error that says what is missing
 */
export function bringUp(shape: LinkShape): LinkLab {
  const lab = hasNetem() ? netemLab(shape) : wanLab(shape);
  if (shape.congestionControl !== undefined) {
    // By the route: a namespace may not have the right to the system's own setting.
    for (const name of NAMES)
      command([
        'ip',
        '-n',
        name,
        'route',
        'change',
        `${NET}.0/24`,
        'dev',
        'wan0',
        'congctl',
        shape.congestionControl,
      ]);
  }
  return lab;
}

/** Which way there is to make the link; undefined where there is none. */
export function linkBy(): string | undefined {
  if (hasNetem()) return 'tc netem';
  return findProgram('wan-lab', 'WAN_LAB') === undefined ? undefined : 'the program in WAN_LAB';
}

const [near, far] = NAMES.map((name) => ['ip', 'netns', 'exec', name]) as [string[], string[]];

function ends(device: string, unshape: () => void): LinkLab {
  const state = (to: 'up' | 'down') => command(['ip', '-n', NAMES[0], 'link', 'set', device, to]);
  return {
    near,
    far,
    nearAddress: `${NET}.1`,
    farAddress: `${NET}.2`,
    arrivedBytes: () => {
      const [told] = JSON.parse(
        command(['ip', '-n', NAMES[1], '-s', '-j', 'link', 'show', 'dev', device]),
      ) as {
        stats64: { rx: { bytes: number } };
      }[];
      if (told === undefined) throw new Error(`${device} has no account`);
      return told.stats64.rx.bytes;
    },
    cut: () => state('down'),
    mend: () => state('up'),
    down: unshape,
  };
}

function wanLab({ roundTripMs, megabitsPerSecond, loss }: LinkShape): LinkLab {
  const program = findProgram('wan-lab', 'WAN_LAB');
  if (program === undefined)
    throw new Error(
      'this kernel has no netem: name a program that makes a long link (up, cut, mend, down) in WAN_LAB',
    );
  const env = { ...process.env, WAN_LAB_NAMES: NAMES.join(' '), WAN_LAB_NET: NET };
  const lab = (...args: string[]) => execFileSync(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  lab('down'); // what an earlier run that was killed left
  lab(
    'up',
    ...['--delay-ms', String(roundTripMs / 2), '--rate-mbit', String(megabitsPerSecond)],
    ...['--loss', String(loss)],
  );
  return {
    ...ends('wan0', () => lab('down')),
    cut: () => lab('cut'),
    mend: () => lab('mend'),
  };
}

function netemLab({ roundTripMs, megabitsPerSecond, loss }: LinkShape): LinkLab {
  removeNamespaces();
  const [a, b] = NAMES;
  for (const name of NAMES) command(['ip', 'netns', 'add', name]);
  command(['ip', '-n', a, 'link', 'add', 'wan0', 'type', 'veth', 'peer', 'name', 'wan0', 'netns', b]);
  // As many packets as the line and its queue hold.
  const packets = Math.ceil(((roundTripMs / 2 + QUEUE_MS) / 1000) * ((megabitsPerSecond * 1e6) / 8 / 1500));
  const shape = `delay ${roundTripMs / 2}ms rate ${megabitsPerSecond}mbit loss ${loss * 100}% limit ${packets}`;
  for (const [index, name] of NAMES.entries()) {
    command(['ip', '-n', name, 'address', 'add', `${NET}.${index + 1}/24`, 'dev', 'wan0']);
    for (const device of ['lo', 'wan0']) command(['ip', '-n', name, 'link', 'set', device, 'up']);
    command(['tc', '-n', name, 'qdisc', 'add', 'dev', 'wan0', 'root', 'netem', ...shape.split(' ')]);
  }
  return ends('wan0', removeNamespaces);
}

function hasNetem(): boolean {
  const probe = 'cdtprobe';
  if (findProgram('tc') === undefined || findProgram('ip') === undefined) return false;
  try {
    command(['ip', 'netns', 'add', probe]);
    command(['tc', '-n', probe, 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']);
    return true;
  } catch {
    // A kernel without it refuses: that is the answer.
    return false;
  } finally {
    quietly(['ip', 'netns', 'del', probe]);
  }
}

function removeNamespaces(): void {
  for (const name of NAMES) quietly(['ip', 'netns', 'del', name]);
}

function command([program = '', ...args]: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function quietly(words: string[]): void {
  try {
    command(words);
  } catch {
    // Not there: nothing to clear away.
  }
}
