import { unlessAborted } from '../../../core/utilities/unless-aborted.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { completion, type Completion, type CompletionLimits } from '../../../core/policy/completion.js';
import { PACKAGE_STATES, type PackageState } from '../../../core/states.js';
import { decide, waitingWorkflows } from '../../operator.js';
import { count } from '../../../core/utilities/format.js';
import type { View } from '../display/frame.js';
import type { Rates } from '../display/rates.js';
import type { Screen } from '../display/screen.js';
import { stages, type Stage } from '../display/stages.js';
import { passes, shortMessage } from '../../errors.js';
import { operatorName } from '../../operator-name.js';
import type { Observer } from './observer.js';
import { isAborted, untilAborted } from './reaching.js';
import { keepScanning } from './scanning.js';
import type { System } from './system.js';
import { ARCHIVE } from './topology.js';

/** Between two looks at the servers, and between two redraws; milliseconds. */
const LOOK_EVERY = 700;
const DRAW_EVERY = 250;

export interface WatchOptions {
  /** Returns as soon as the work is over; otherwise goes on until the signal. */
  once: boolean;
  limits: CompletionLimits;
  quietSeconds: number;
  /** Milliseconds. */
  startedAt: number;
  temporalUi?: string;
  screen: Screen;
  /** Somebody wishes to end. */
  signal: AbortSignal;
}

/**
 * Has the source scanned, shows what happens, and decides when it is over.
 *
 * @returns the last verdict; undefined when there was no time for one
 */
export async function watch(
  system: System,
  observer: Observer,
  rates: Rates,
  options: WatchOptions,
): Promise<Completion | undefined> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const report = (line: string): void => options.screen.line(line);
  const beside = [
    keepDrawing(system, observer, rates, options, signal),
    keepScanning(system.client, system.source, observer, {
      quietSeconds: options.quietSeconds,
      signal,
      report,
    }),
    retryWaiting(system, signal, report),
  ];
  let verdict: Completion | undefined;
  try {
    while (!signal.aborted) {
      await unlessAborted(observer.look(), signal);
      verdict = completion(observer.situation(), options.limits);
      if (options.once && verdict.state !== 'working') break;
      await sleep(LOOK_EVERY, undefined, { signal });
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    ended.abort();
    await Promise.all(beside);
  }
  return verdict;
}

async function keepDrawing(
  system: System,
  observer: Observer,
  rates: Rates,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  let shown: Stage[] = [];
  const draw = (): void => {
    const { progress } = observer;
    if (progress === undefined) return;
    const now = Date.now();
    const live = {
      done: (operation: string) => rates.done(operation),
      rate: (operation: string) => rates.rate(operation, now),
    };
    shown = stages(progress, live, shown);
    options.screen.show(view(system, observer, options, shown));
  };
  while (!signal.aborted) {
    draw();
    await sleep(DRAW_EVERY, undefined, { signal }).catch(() => undefined);
  }
  draw();
}

function view({ source }: System, observer: Observer, options: WatchOptions, shown: Stage[]): View {
  const { progress, waiting, problems } = observer;
  const asked = new Set(waiting.map((one) => one.workflowId));
  return {
    elapsedSeconds: (Date.now() - options.startedAt) / 1000,
    source: source.path ?? source.name,
    archive: `${ARCHIVE.site}.${ARCHIVE.name}`,
    temporalUi: options.temporalUi,
    stages: shown,
    packages: Object.fromEntries(
      PACKAGE_STATES.map((state: PackageState) => [state, progress?.packages[state].packages ?? 0]),
    ),
    copiesToDelete: progress?.copiesToDelete ?? 0,
    deletedFiles: progress?.files.deleted ?? 0,
    waiting,
    problems: problems.filter((one) => one.workflowId === undefined || !asked.has(one.workflowId)),
    trouble: [...observer.unreachable(), ...observer.plannersWait, ...observer.retrying],
  };
}

/**
 * What waited for an operator when the last run ended is tried once more: to start again is an operator's word too. Asked again
 * until Temporal answers.
 */
async function retryWaiting(
  { client }: System,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<void> {
  const startedAt = Date.now();
  const retryAll = async (): Promise<void> => {
    const waiting = (await waitingWorkflows(client)).filter((one) => Date.parse(one.since) < startedAt);
    for (const one of waiting)
      await decide(client, one.workflowId, { action: 'retry', by: operatorName(), note: 'started again' });
    if (waiting.length > 0)
      report(`${count(waiting.length, 'workflow')} of an earlier run waited for an operator: retried`);
  };
  while (!isAborted(signal)) {
    try {
      await untilAborted(client, signal, retryAll);
      return;
    } catch (error) {
      if (isAborted(signal)) return;
      if (!passes(error)) {
        report(`could not retry what waits for an operator: ${shortMessage(error)}`);
        return;
      }
    }
    await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
  }
}
