import type { Client } from '@temporalio/client';
import type { Catalogue } from '../core/database/catalogue.js';
import type { DeletionHold, HoldPlaced, HoldReleased } from '../core/database/catalogue/holds.js';
import type { Execution } from '../core/database/catalogue/observations.js';
import type { SettingChange } from '../core/database/catalogue/settings.js';
import type { StagingJob } from '../core/database/catalogue/staging-jobs.js';
import type { StagingPlan } from '../core/database/catalogue/staging-planning.js';
import type { Topology } from '../core/database/records.js';
import type { StagingRequest } from '../core/policy/staging-request.js';
import type { ConfiguredSettings, SettingPlace } from '../core/settings-manager.js';
import { formatTopology, parseTopology, type DocumentFormat } from '../core/topology-document.js';
import type { AnyValue } from '../core/value-kinds.js';
import * as observations from './observations.js';
import * as planners from './schedules.js';
import * as settings from './settings.js';
import * as staging from './staging.js';
import * as topology from './topology.js';

/** How calls reach the servers. Whatever these throw leaves as a class of `exceptions.ts`. */
export interface Reach {
  /** Whose word a call is. */
  readonly by: string;
  catalogue<T>(act: (catalogue: Catalogue) => Promise<T>): Promise<T>;
  temporal<T>(act: (client: Client) => Promise<T>): Promise<T>;
  both<T>(act: (client: Client, catalogue: Catalogue) => Promise<T>): Promise<T>;
}

/** What instruments tell: an execution began or ended, files were written. Each call may be repeated. */
export class ObservationCalls {
  constructor(private readonly reach: Reach) {}

  /** See {@link observations.startObservation}. */
  start(told: observations.ExecutionName & { at?: string; obsUnitId?: string }): Promise<string> {
    return this.reach.catalogue((catalogue) => observations.startObservation(catalogue, told));
  }

  /** See {@link observations.finishObservation}. */
  finish(
    told: observations.ExecutionName & { at?: string; outcome?: 'completed' | 'failed' },
  ): Promise<string> {
    return this.reach.catalogue((catalogue) => observations.finishObservation(catalogue, told));
  }

  /**
   * Tells of files that were written; runs where the source's disk is. See {@link observations.registerFiles}.
   *
   * @param source as `site.location`
   * @param paths relative to the source; as bytes where they are not UTF-8
   * @param options.quietSeconds a file is still when it was not written for so long
   */
  register(
    source: string,
    paths: (string | Buffer)[],
    options: { quietSeconds?: number } = {},
  ): Promise<{ fresh: number; changed: number }> {
    const bytes = paths.map((path) => (typeof path === 'string' ? Buffer.from(path) : path));
    const { quietSeconds = 60 } = options;
    return this.reach.catalogue((catalogue) =>
      observations.registerFiles(catalogue, source, bytes, { quietSeconds, now: Date.now() }),
    );
  }

  /** What is known of executions, the latest first. */
  list(which: Parameters<typeof observations.listObservations>[1] = {}): Promise<Execution[]> {
    return this.reach.catalogue((catalogue) => observations.listObservations(catalogue, which));
  }

  /** By the instrument's UUID, by ID, or by name, which several sources may use; empty where none is called so. */
  find(word: string): Promise<Execution[]> {
    return this.reach.catalogue((catalogue) => catalogue.observations.find(word));
  }
}

/** What is asked of a staging job; {@link StagingRequest} without who asks, which is the client. */
export type StagingWish = Omit<StagingRequest, 'requestedBy'> & { requestedBy?: string };

/** Files back from the archives, for processing. */
export class StagingCalls {
  constructor(private readonly reach: Reach) {}

  /** See {@link staging.requestStaging}. */
  request(wish: StagingWish): Promise<staging.RequestedStaging> {
    return this.reach.both((client, catalogue) =>
      staging.requestStaging(client, catalogue, this.signed(wish)),
    );
  }

  /** What a request would come to; nothing is started. */
  async check(wish: StagingWish): Promise<StagingPlan> {
    const { plan } = await this.reach.catalogue((catalogue) =>
      staging.checkStaging(catalogue, this.signed(wish)),
    );
    return plan;
  }

  /**
   * Waits until the files of a job are there, or the job can't go on.
   *
   * @returns the job and, where it waits for an operator, why. Its files are there when its `state` is `ready`.
   */
  wait(jobId: string): Promise<staging.StagingOutcome> {
    return this.reach.both((client, catalogue) => staging.waitForStaging(client, catalogue, jobId));
  }

  /** Latest first, at most 1000. */
  list(which: { open?: boolean } = {}): Promise<StagingJob[]> {
    return this.reach.catalogue((catalogue) => catalogue.staging.jobs({ open: which.open ?? true }));
  }

  /** One job, where its files are, and its packages, by its ID or the beginning of one. See {@link staging.showJob}. */
  show(word: string): Promise<staging.ShownJob> {
    return this.reach.catalogue((catalogue) => staging.showJob(catalogue, word));
  }

  /** Keeps a job's files for so long from now, such as `7d`; returns until when, ISO 8601. */
  extend(word: string, keepFor: string): Promise<string> {
    return this.reach.both(async (client, catalogue) => {
      const { workflowId } = await staging.stagingJob(catalogue, word);
      return staging.extendJob(client, workflowId, { keepFor, by: this.reach.by });
    });
  }

  /** Ends a job: its files are needed no more. */
  release(word: string, note?: string): Promise<void> {
    return this.reach.both(async (client, catalogue) => {
      const { workflowId } = await staging.stagingJob(catalogue, word);
      await staging.releaseJob(client, workflowId, { by: this.reach.by, note });
    });
  }

  /** See {@link staging.scheduleStaging}. */
  schedule(name: string, cron: string, wish: StagingWish): Promise<string> {
    return this.reach.temporal((client) => staging.scheduleStaging(client, name, cron, this.signed(wish)));
  }

  private signed(wish: StagingWish): object {
    const given = Object.entries<unknown>({ requestedBy: this.reach.by, ...wish });
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  }
}

/** What operators change while the system runs. */
export class SettingCalls {
  constructor(
    private readonly reach: Reach,
    private readonly configured: ConfiguredSettings,
  ) {}

  /** Every setting as it holds at a place: everywhere, at a site, at a location. */
  list(place: SettingPlace = {}): Promise<settings.SettingDescription[]> {
    return this.reach.catalogue((catalogue) => settings.describeSettings(catalogue, place, this.configured));
  }

  /** See {@link settings.setSetting}. */
  set(
    name: string,
    value: AnyValue,
    options: SettingPlace & { note?: string } = {},
  ): Promise<SettingChange | undefined> {
    const { note, ...place } = options;
    return this.reach.catalogue((catalogue) =>
      settings.setSetting(catalogue, name, value, place, { by: this.reach.by, note }),
    );
  }

  /** Takes a value away, so that the next wider one holds. Undefined where there was none. */
  unset(name: string, options: SettingPlace & { note?: string } = {}): Promise<SettingChange | undefined> {
    const { note, ...place } = options;
    return this.reach.catalogue((catalogue) =>
      settings.unsetSetting(catalogue, name, place, { by: this.reach.by, note }),
    );
  }

  /** Who changed what, latest first. */
  history(name?: string): Promise<SettingChange[]> {
    return this.reach.catalogue((catalogue) => catalogue.settings.history(name));
  }
}

/** Sites, locations and routes. Running workers follow a change within seconds. */
export class TopologyCalls {
  constructor(private readonly reach: Reach) {}

  show(): Promise<Topology> {
    return this.reach.catalogue((catalogue) => catalogue.topology());
  }

  /**
   * Makes sites, locations and routes as a document describes them; what it does not name stays, unless
   * `prune` is given: see {@link topology.applyTopology}.
   *
   * @returns each change, in words
   * @throws ConfigurationError that names every wrong place of the document
   */
  import(
    document: string,
    options: { format?: DocumentFormat; dryRun?: boolean; prune?: boolean } = {},
  ): Promise<string[]> {
    const { format = 'yaml', ...how } = options;
    return this.reach.catalogue((catalogue) =>
      topology.applyTopology(catalogue, parseTopology(document, format, 'the topology'), how),
    );
  }

  /** The document that {@link import} reads. */
  async export(format: DocumentFormat = 'yaml'): Promise<string> {
    return formatTopology(await this.show(), format);
  }

  /** Takes a location (`site.location`) into use or out of use. */
  switchLocation(name: string, active: boolean): Promise<void> {
    return this.reach.catalogue((catalogue) => topology.switchTopology(catalogue, 'location', name, active));
  }

  /** Takes a route into use or out of use. */
  switchRoute(name: string, active: boolean): Promise<void> {
    return this.reach.catalogue((catalogue) => topology.switchTopology(catalogue, 'route', name, active));
  }
}

/** Words that nothing of a package or an observation is to be deleted. */
export class HoldCalls {
  constructor(private readonly reach: Reach) {}

  /** Keeps everything of a package, an observation or a copy (by name or ID) from being deleted, at every location. */
  place(what: string, reason: string): Promise<HoldPlaced> {
    return this.reach.catalogue((catalogue) => catalogue.deletions.hold(what, reason, this.reach.by));
  }

  /** Ends the operator's hold, or an audit's where there is no other; `still` are those that go on. */
  release(what: string): Promise<HoldReleased> {
    return this.reach.catalogue((catalogue) => catalogue.deletions.release(what, this.reach.by));
  }

  list(which: { released?: boolean } = {}): Promise<DeletionHold[]> {
    return this.reach.catalogue((catalogue) => catalogue.deletions.holds(which));
  }
}

/** When planners look for work. */
export class ScheduleCalls {
  constructor(private readonly reach: Reach) {}

  list(): Promise<planners.ScheduleState[]> {
    return this.reach.temporal(planners.schedules);
  }

  pause(id: string, note?: string): Promise<void> {
    return this.reach.temporal((client) => planners.pauseSchedule(client, id, this.reach.by, note));
  }

  resume(id: string, note?: string): Promise<void> {
    return this.reach.temporal((client) => planners.resumeSchedule(client, id, this.reach.by, note));
  }

  /** Runs a planner now. */
  trigger(id: string): Promise<void> {
    return this.reach.temporal((client) => planners.triggerSchedule(client, id));
  }

  /** Makes up for the times of a period at which a planner did not run. */
  backfill(id: string, from: Date, to: Date): Promise<void> {
    return this.reach.temporal((client) => planners.backfillSchedule(client, id, from, to));
  }
}
