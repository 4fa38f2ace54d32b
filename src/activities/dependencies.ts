import type { Breakers } from '../core/breakers.js';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Location, Route } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import type { Metrics } from '../core/metrics.js';
import type { Notifications } from '../core/notification-service.js';
import type { Operation } from '../core/operation-types.js';
import type { Settings } from '../core/settings-manager.js';
import type { ArchiveStore } from '../core/storage/archive-store.js';
import type { Transport } from '../core/transport/transport.js';
import type { TokenBuckets } from '../core/utilities/token-bucket.js';
import type { StartJourneys } from './journey-orders.js';

/** Everything that activities need from outside; the worker composes it, tests replace parts of it. */
export interface Dependencies {
  /** What operators may change while this process runs: asked for where it is needed, never kept. */
  settings: Settings;
  catalogue: Catalogue;
  log: Logger;
  /** What this process counts. */
  metrics: Metrics;
  /** Tells people what they should know; never fails the work that tells. */
  notifications: Notifications;
  /** The store behind a long-term archive, of type s3 or disk. */
  archiveStore(location: Location): ArchiveStore;
  /** Which routes and stores are left alone for now. */
  breakers: Breakers;
  /** The limits of bytes per second of the routes, by their names: shared by all that this process sends. */
  routeLimits: TokenBuckets;
  /** The way to a location, as a route tells it. The caller closes it. */
  transport(route: Route, destination: Location): Transport;
  /** Lets a planner look again now instead of at its next time. Never fails the work that asks. */
  wakePlanner: (operation: Operation, place: { site: string; location: string }) => Promise<void>;
  startJourneys: StartJourneys;
  /** Told of bytes as they move, for whoever shows them. */
  reportProgress(progress: Progress): void;
}

export interface Progress {
  operation: Operation;
  /** A package's name. */
  subject: string;
  /** The route that the bytes take, where they take one. */
  route?: string;
  bytesDone: number;
  bytesTotal: number;
}
