import { TimeoutFailure } from '@temporalio/common';
import {
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { CatalogueActivities } from '../activities/catalogue.js';
import type { LeftAlone } from '../core/policy/breaker.js';
import { leftAloneBy, rootCause } from './left-alone.js';
import {
  blocker,
  BLOCKER_MEMO,
  decide,
  DECISIONS,
  LEFT_ALONE_MEMO,
  usedAgain,
  type Blocker,
  type Decision,
} from './messages.js';
import { CATALOGUE, MOST_WAITS } from './operations.js';
import { CDT_OPERATION, CDT_STATE, type JourneyState } from './search-attributes.js';

const catalogue = proxyActivities<CatalogueActivities>(CATALOGUE);

/** Clocks of workers differ: a wait that seems to be over is not begun anew at once. */
const SHORTEST_WAIT_MS = 1000;

/** What a step ended with: its result, or the operator's word to leave it. */
export type StepOutcome<T> = { done: true; result: T } | { done: false; decision: Decision };

/** What a journey is about, for its reports. */
export interface JourneySubject {
  operation: string;
  /** A name that people know: a package's, a bundle's. */
  subject: string;
  sourceLocationId?: string;
}

/**
 * The part that all workflows share: it says in words what is being done, and turns a permanent failure into a question to the
 * operators instead of a dead workflow. Create it at the top of a workflow, before the first await, so that updates find their handler.
 */
export class Journey {
  private current: Blocker | null = null;
  private decision: Decision | null = null;
  private leftAlone: LeftAlone | null = null;
  /** Routes and stores that were told to be used again while the attempt was still under way. */
  private readonly heard = new Set<string>();
  /** What it shows; nothing until it has waited. */
  private state = shownAtStart();
  private readonly done: string[] = [];

  constructor(private readonly about: JourneySubject) {
    setHandler(blocker, () => this.current);
    setHandler(usedAgain, ({ kind, name }) => {
      this.heard.add(`${kind}/${name}`);
      if (this.leftAlone?.kind === kind && this.leftAlone.name === name) this.leftAlone = null;
    });
    setHandler(
      decide,
      (decision) => {
        this.decision = decision;
        return `${this.about.subject}: ${decision.action}`;
      },
      {
        validator: (decision: Decision) => {
          if (this.current === null)
            throw ApplicationFailure.nonRetryable('nothing waits for a decision here', 'NotWaiting');
          if (this.decision !== null)
            throw ApplicationFailure.nonRetryable('already decided', 'AlreadyDecided');
          if (!DECISIONS.includes(decision.action))
            throw ApplicationFailure.nonRetryable(`decide one of ${DECISIONS.join(', ')}`, 'BadDecision');
          if (typeof decision.by !== 'string' || decision.by === '')
            throw ApplicationFailure.nonRetryable('"by" must say who decides', 'BadDecision');
        },
      },
    );
  }

  /**
   * Does one step, named in words, until it succeeds or an operator says to leave it. While its route or store is left alone, it
   * waits for that, up to {@link MOST_WAITS} times.
   *
   * @param act told with `asked` whether an operator has just said to try again
   */
  async step<T>(words: string, act: (word: { asked: boolean }) => Promise<T>): Promise<StepOutcome<T>> {
    let [asked, waits] = [false, 0];
    for (;;) {
      this.say(`**Now:** ${words}`);
      this.heard.clear();
      try {
        const result = await act({ asked });
        this.done.push(words);
        this.show('running');
        this.say('**Now:** going on');
        return { done: true, result };
      } catch (error) {
        if (isCancellation(error)) throw error;
        const alone = leftAloneBy(error);
        if (alone !== undefined && waits < MOST_WAITS) {
          [asked, waits] = [false, waits + 1];
          // Before the patch a word that came while the attempt still failed was lost, and the wait lasted its full time.
          if (this.heard.has(`${alone.kind}/${alone.name}`) && patched('heard-while-failing-2026-11'))
            continue;
          await this.waitFor(alone, words);
          continue;
        }
        const decision = await this.askOperator(describeFailure(words, error));
        if (decision.action !== 'retry') return { done: false, decision };
        [asked, waits] = [true, 0];
      }
    }
  }

  /** Says how things stand while nothing is being done. */
  tell(words: string): void {
    this.say(`**${words}**`);
  }

  /** Ends the journey well. */
  complete(words: string): void {
    this.finish('completed', words);
  }

  /**
   * Ends the journey by an operator's word: quietly for `skip`, as a failed workflow for `abandon`.
   *
   * @param packageIds packages that are given up as failed when the word is `abandon`
   */
  async end(decision: Decision, packageIds: string[] = []): Promise<void> {
    const by = `by ${decision.by}${decision.note === undefined ? '' : `: ${decision.note}`}`;
    if (decision.action === 'skip') {
      this.finish('skipped', `skipped ${by}`);
      return;
    }
    if (packageIds.length > 0) await catalogue.failPackages({ packageIds, reason: `abandoned ${by}` });
    this.finish('abandoned', `abandoned ${by}`);
    throw ApplicationFailure.nonRetryable(`${this.about.subject} was abandoned ${by}`, 'Abandoned');
  }

  private async askOperator(found: Blocker): Promise<Decision> {
    this.current = found;
    this.decision = null;
    log.error('waiting for an operator', { ...this.about, ...found });
    this.show('waiting_for_operator');
    upsertMemo({ [BLOCKER_MEMO]: found });
    const { workflowId } = workflowInfo();
    this.say(
      `**Waiting for an operator** since ${found.since}\n\n${found.step} failed: ${found.errorClass}: ${found.message}\n\n` +
        `${found.advice === undefined ? '' : `${found.advice}\n\n`}Then: \`cdt retry ${workflowId}\`, \`cdt skip ${workflowId}\` or \`cdt abandon ${workflowId}\``,
    );
    await catalogue.reportProblem({ ...this.about, ...found, workflowId });
    await condition(() => this.decision !== null);
    const decision = this.decision as unknown as Decision;
    log.info('an operator decided', { ...this.about, decision });
    await catalogue.resolveProblem({ workflowId, decision });
    this.current = null;
    this.show('running');
    return decision;
  }

  /** Waits until a route or a store is probed again, or used. */
  private async waitFor(alone: LeftAlone, step: string): Promise<void> {
    const { kind, name, since, until, failures, errorClass, message } = alone;
    log.info('waiting for what is left alone', { ...this.about, step, ...alone });
    this.leftAlone = alone;
    this.show('waiting_for_breaker');
    upsertMemo({ [LEFT_ALONE_MEMO]: alone });
    this.say(
      `**Waiting** for the ${kind} ${name}, which is left alone since ${since} and probed at ${until}\n\n` +
        `${failures} failures in a row${errorClass === undefined ? '' : `, the last: ${errorClass}: ${message ?? ''}`}\n\n` +
        `It goes on by itself with ${step}. \`cdt breakers\` lists what is left alone; \`cdt breakers reset ${kind}/${name} --reason ...\` has it tried at once`,
    );
    await condition(
      () => this.leftAlone === null,
      Math.max(SHORTEST_WAIT_MS, Date.parse(until) - Date.now()),
    );
    this.leftAlone = null;
  }

  private show(state: JourneyState): void {
    const asTheServerSays = state === 'running' || state === 'completed';
    if (state === this.state || (this.state === undefined && asTheServerSays)) return;
    this.state = state;
    upsertSearchAttributes([{ key: CDT_STATE, value: state }]);
  }

  private finish(state: JourneyState, words: string): void {
    this.show(state);
    this.say(`**${words}**`);
  }

  private say(now: string): void {
    const before = this.done.map((step) => `- ${step}: done`).join('\n');
    setCurrentDetails(before === '' ? now : `${now}\n\n${before}`);
  }
}

/** One that began before 2026-12 shows from its start on that it runs, and one that was started by hand, without any attribute, as if it did. */
function shownAtStart(): string | undefined {
  const { typedSearchAttributes: given } = workflowInfo();
  return given.get(CDT_STATE) ?? (given.get(CDT_OPERATION) === undefined ? 'running' : undefined);
}

/** The failure of a step, told by its innermost cause that this system classified. */
export function describeFailure(step: string, error: unknown): Blocker {
  const since = new Date().toISOString();
  const cause = rootCause(error);
  if (cause instanceof ApplicationFailure) {
    const details = cause.details?.[0] as { advice?: string } | undefined;
    return {
      step,
      errorClass: cause.type ?? 'Error',
      message: cause.message,
      advice: details?.advice,
      since,
    };
  }
  if (cause instanceof TimeoutFailure) {
    const last = cause.cause instanceof Error ? `; last: ${cause.cause.message}` : '';
    return {
      step,
      errorClass: 'ServiceUnavailableError',
      message: `not done within its time (${cause.timeoutType})${last}`,
      since,
    };
  }
  return {
    step,
    errorClass: 'CCATDataOperationError',
    message: cause instanceof Error ? cause.message : String(cause),
    since,
  };
}
