import { loadConfiguration } from '../core/configuration.js';
import type { Problem } from '../core/database/records.js';
import type { Operation } from '../core/operation-types.js';
import { SettingsManager } from '../core/settings-manager.js';
import { queueStates, type QueueState } from '../worker/task-queues.js';
import {
  HoldCalls,
  ObservationCalls,
  ScheduleCalls,
  SettingCalls,
  StagingCalls,
  TopologyCalls,
  type Reach,
} from './calls.js';
import { Connections } from './connections.js';
import { asOurs } from './errors.js';
import { ask } from './explain/ask.js';
import type { Explanation } from './explain/explanation.js';
import { decide, waitingWorkflows, type WaitingWorkflow } from './operator.js';
import { runPlanner, type PlannerResult } from './planners.js';
import type { ServerAddresses } from './servers.js';

/**
 * What programs of others call: an instrument's, a pipeline's, an operator's. The command line does the same by the same functions.
 *
 * Nothing is connected to before the first call that needs it, and a call needs only the servers that it speaks of. Every call
 * throws classes of `exceptions.ts` only; where `retryable` is true, the same call can help later.
 */
export class DataTransferClient {
  /** What instruments tell. */
  readonly observations: ObservationCalls;
  /** Files back from the archives. */
  readonly staging: StagingCalls;
  readonly settings: SettingCalls;
  readonly topology: TopologyCalls;
  readonly holds: HoldCalls;
  readonly schedules: ScheduleCalls;
  private readonly connections: Connections;
  private readonly reach: Reach;
  private readonly configured: ReturnType<typeof loadConfiguration>['settings'];

  /**
   * @param options.environment the configuration; its settings hold where the catalogue has no value
   * @param options.by whose word the calls are: kept in the audit log and in histories
   * @throws ConfigurationError where the configuration is wrong
   */
  constructor(servers: ServerAddresses, options: { environment: NodeJS.ProcessEnv; by: string }) {
    const connections = new Connections(servers);
    this.connections = connections;
    this.configured = loadConfiguration(options.environment).settings;
    this.reach = {
      by: options.by,
      catalogue: (act) => ours(async () => act(await connections.catalogue())),
      temporal: (act) => ours(async () => act(await connections.temporal())),
      both: (act) => ours(async () => act(await connections.temporal(), await connections.catalogue())),
    };
    this.observations = new ObservationCalls(this.reach);
    this.staging = new StagingCalls(this.reach);
    this.settings = new SettingCalls(this.reach, this.configured);
    this.topology = new TopologyCalls(this.reach);
    this.holds = new HoldCalls(this.reach);
    this.schedules = new ScheduleCalls(this.reach);
  }

  /**
   * Where something is, what it waits for and since when, what comes next, and why each copy may or may not be deleted: a package, a file,
   * an observation, a copy, a transfer or a staging job, by name or ID. Empty where nothing is called so. Tells what it can while a server is away.
   */
  explain(what: string): Promise<Explanation[]> {
    const settings = (catalogue: Awaited<ReturnType<Connections['catalogue']>>) =>
      new SettingsManager(catalogue.settings, this.configured);
    const { connections } = this;
    return ours(() =>
      ask(
        { catalogue: () => connections.catalogue(), temporal: () => connections.temporal(), settings },
        what,
      ),
    );
  }

  /** Every task queue: who serves it, and what waits there. */
  queues(): Promise<QueueState[]> {
    return this.reach.both(async (client, catalogue) => queueStates(client, await catalogue.locations()));
  }

  /** What a person should know, and what to do about it. */
  problems(): Promise<Problem[]> {
    return this.reach.catalogue((catalogue) => catalogue.openProblems());
  }

  /** Work that can't go on without a person's word. */
  waiting(): Promise<WaitingWorkflow[]> {
    return this.reach.temporal(waitingWorkflows);
  }

  /** Gives that word. `retry`: do again what failed; `skip`: leave it undone; `abandon`: give the work up as failed. */
  decide(workflowId: string, action: 'retry' | 'skip' | 'abandon', note?: string): Promise<void> {
    return this.reach.temporal((client) => decide(client, workflowId, { action, by: this.reach.by, note }));
  }

  /**
   * Has the work of an operation at a location planned now instead of at its next time, and returns when that is done; the work itself goes on.
   *
   * @param place as `site.location`
   */
  plan(operation: Operation, place: string): Promise<PlannerResult> {
    return this.reach.both(async (client, catalogue) => {
      const [site = '', name = ''] = place.split('.');
      return runPlanner(client, operation, await catalogue.location(site, name));
    });
  }

  /** Closes the connections; a later call opens them again. */
  async close(): Promise<void> {
    await this.connections.close();
  }
}

async function ours<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asOurs(error);
  }
}
