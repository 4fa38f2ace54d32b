import type { Client } from '@temporalio/client';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { Location, Problem, SourceProgress } from '../../../core/database/records.js';
import { needsScan, type ScanFacts, type Situation } from '../../../core/policy/completion.js';
import { plannerOf, plannerOperation } from '../../../workflows/planners.js';
import { runningWorkflows, waitingWorkflows, type WaitingWorkflow } from '../../operator.js';
import { passes, shortMessage } from '../../errors.js';
import { describeRetries, retryingSteps } from './retrying.js';

/** How long one question to Temporal may take, in milliseconds. */
const PATIENCE = 10_000;
/** Nothing moved for this long: it is asked what is being tried again. */
const QUIET = 5_000;

/** A server that does not answer now. */
interface Outage {
  since: Date;
  message: string;
}

type Server = 'catalogue' | 'Temporal';

/**
 * Knows what is known of one source: it asks the catalogue and Temporal, remembers the last answers while one of them is away, and
 * notices when something moved.
 */
export class Observer {
  progress?: SourceProgress;
  problems: Problem[] = [];
  waiting: WaitingWorkflow[] = [];
  /** Steps that Temporal tries again, in words; asked for only while nothing moves. */
  retrying: string[] = [];
  /** Why planners leave work of this source undone for now. */
  plannersWait: string[] = [];
  private underWay: string[] = [];
  private running = 0;
  private scan?: ScanFacts;
  /** The scan that was the last one when `progress` was asked for: an older answer knows nothing of what a scan found. */
  private progressAfter?: ScanFacts;
  private scanFailure?: string;
  private unsettledSince?: number;
  private lastMovedAt = Date.now();
  private fingerprint = '';
  private readonly outages = new Map<Server, Outage>();
  private readonly startedAt = Date.now();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly client: Client,
    private readonly source: Location,
  ) {}

  /** Something moved just now. */
  moved(): void {
    this.lastMovedAt = Date.now();
    this.retrying = [];
  }

  scanned(scan: ScanFacts): void {
    this.scan = scan;
    this.scanFailure = undefined;
  }

  scanFailed(error: unknown): void {
    this.scanFailure = shortMessage(error);
  }

  /** Asks everybody. A server that does not answer is noted, not thrown; an answer that makes no sense is thrown. */
  async look(): Promise<void> {
    await this.ask('Temporal', () => this.lookAtTemporal());
    await this.ask('catalogue', () => this.lookAtCatalogue());
    const { progress, scan, waiting, problems } = this;
    this.unsettledSince =
      scan !== undefined && needsScan({ scan, progress: this.currentProgress() })
        ? (this.unsettledSince ?? Date.now())
        : undefined;
    const fingerprint = JSON.stringify([
      progress,
      scan,
      waiting.map((one) => [one.workflowId, one.since]),
      problems.map((one) => one.id),
    ]);
    if (fingerprint !== this.fingerprint) this.moved();
    this.fingerprint = fingerprint;
    const idle = this.unreachable().length === 0 && Date.now() - this.lastMovedAt > QUIET;
    if (idle)
      await this.ask(
        'Temporal',
        async () =>
          void (this.retrying = describeRetries(await this.inTime(() => retryingSteps(this.client)))),
      );
  }

  situation(): Situation {
    const { scan, scanFailure, unsettledSince, waiting, running, problems, lastMovedAt } = this;
    const unreachable = this.unreachable();
    return {
      now: Date.now(),
      progress: this.currentProgress(),
      scan,
      scanFailure,
      unsettledSince,
      waiting,
      unfinishedPackages: this.underWay,
      running,
      problems,
      lastMovedAt,
      unreachable,
      plannersWait: this.plannersWait,
    };
  }

  /** The servers that don't answer now, in words. */
  unreachable(): string[] {
    return [...this.outages].map(
      ([server, { since, message }]) =>
        `${server} unreachable since ${since.toISOString().slice(11, 19)} UTC (${message})`,
    );
  }

  private currentProgress(): SourceProgress | undefined {
    return this.progressAfter === this.scan ? this.progress : undefined;
  }

  private async lookAtCatalogue(): Promise<void> {
    const { scan } = this;
    this.progress = await this.catalogue.sourceProgress(this.source.id);
    this.progressAfter = scan;
    this.problems = await this.catalogue.openProblems(this.source.id);
    const waiting = await this.catalogue.liveness.waitingVerdicts();
    this.plannersWait = waiting.filter((one) => this.plans(one.plannerId)).flatMap((one) => one.reasons);
    // The names matter only to tell what waits from what goes on.
    this.underWay = this.waiting.length > 0 ? await this.catalogue.packagesUnderWay(this.source.id) : [];
  }

  /** Whether a planner plans for this source, or for the buffers that its packages pass. */
  private plans(plannerId: string): boolean {
    const { site, name } = this.source;
    return (
      plannerId === plannerOf('raw_data_package_creation', { site, location: name })?.id ||
      plannerOperation(plannerId) === 'data_transfer_package_creation'
    );
  }

  private async lookAtTemporal(): Promise<void> {
    // What waited before this run is retried by it, and the list shows that a moment later: only what waits since then counts.
    const waiting = (await this.inTime(() => waitingWorkflows(this.client))).filter(
      (one) => Date.parse(one.since) >= this.startedAt,
    );
    const all = await this.inTime(() => runningWorkflows(this.client));
    this.waiting = waiting;
    this.running = Math.max(0, all - waiting.length);
  }

  private inTime<T>(ask: () => Promise<T>): Promise<T> {
    return this.client.withDeadline(Date.now() + PATIENCE, ask);
  }

  private async ask(server: Server, question: () => Promise<void>): Promise<void> {
    try {
      await question();
      this.outages.delete(server);
    } catch (error) {
      if (!passes(error)) throw error;
      this.outages.set(server, {
        since: this.outages.get(server)?.since ?? new Date(),
        message: shortMessage(error),
      });
    }
  }
}
