/** The states that rows of the catalogue can be in. They are written for people and queries; no state makes work happen. */

/** How far the work on a row is. */
export const STATUSES = ['pending', 'in_progress', 'completed', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

/**
 * How a package fares in one data transfer.
 * - `left`: an operator left it out; it is sent again later
 * - `failed`: given up
 * - `rerouted`: taken over by another transfer, over another route or into another buffer
 */
export const TRANSFER_ITEM_STATUSES = ['pending', 'arrived', 'left', 'failed', 'rerouted'] as const;
export type TransferItemStatus = (typeof TRANSFER_ITEM_STATUSES)[number];

/**
 * Where a raw data package stands.
 * - `creating`: planned, its tar is being written
 * - `waiting`: at its first buffer only
 * - `transferring`: part of a data transfer package
 * - `arrived`: verified in a buffer at an archive's site
 * - `archived`: at least one archive copy was read back and matched
 * - `failed`: given up by an operator, or nothing in it could be read
 */
export const PACKAGE_STATES = [
  'creating',
  'waiting',
  'transferring',
  'arrived',
  'archived',
  'failed',
] as const;
export type PackageState = (typeof PACKAGE_STATES)[number];

/** The state of one object at one location. `damaged`: in an archive, gone or not what it was; it counts for nothing until it is repaired. */
export const COPY_STATES = [
  'present',
  'staged',
  'deletion_scheduled',
  'deletion_in_progress',
  'deletion_possible',
  'deleted',
  'deletion_failed',
  'damaged',
] as const;
export type PhysicalCopyState = (typeof COPY_STATES)[number];

/**
 * What a copy can become from each state. The database holds the same table and refuses everything else; bytes go in
 * `deletion_in_progress`, which is reached through `deletion_scheduled` alone, so that every deletion can be undone first.
 */
export const COPY_TRANSITIONS: Readonly<Record<PhysicalCopyState, readonly PhysicalCopyState[]>> = {
  present: ['staged', 'deletion_possible', 'deletion_scheduled', 'damaged'],
  staged: ['present', 'deletion_possible', 'deletion_scheduled'],
  deletion_scheduled: ['present', 'staged', 'deletion_in_progress'],
  deletion_in_progress: ['deleted', 'deletion_failed'],
  deletion_possible: ['present', 'staged', 'deletion_scheduled'],
  deleted: ['present', 'staged'],
  deletion_failed: ['present', 'deletion_scheduled'],
  damaged: ['present'],
};

/** The only states of a copy in a long-term archive, where nothing is deleted; what is not sound is damaged, and repaired. */
export const ARCHIVE_COPY_STATES: readonly PhysicalCopyState[] = ['present', 'damaged'];

/**
 * Where a raw data file at its source stands.
 * - `registered`: seen, not packaged yet
 * - `packaged`: its digest is known and it is in a package
 * - `refused`: can't be packaged as it is; the reason is beside it. Seen changed, it becomes `registered` again
 * - `deleted`: freed at the source after its package was archived
 */
export const FILE_STATES = ['registered', 'packaged', 'refused', 'deleted'] as const;
export type RawDataFileState = (typeof FILE_STATES)[number];

export const LOCATION_TYPES = ['source', 'buffer', 'long_term_archive', 'processing'] as const;
export type LocationType = (typeof LOCATION_TYPES)[number];

export const STORAGE_TYPES = ['disk', 's3', 'tape'] as const;
export type StorageType = (typeof STORAGE_TYPES)[number];

export const ROUTE_TYPES = ['direct', 'relay', 'custom'] as const;
export type RouteType = (typeof ROUTE_TYPES)[number];

export const TRANSPORTS = ['local', 'sftp', 'stream', 'bbcp'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** Which end of a stream route accepts connections; the other one makes them. */
export const STREAM_LISTENERS = ['destination', 'origin'] as const;
export type StreamListenerSide = (typeof STREAM_LISTENERS)[number];

/** What a source holds under one path. */
export const ENTRY_KINDS = ['file', 'symlink', 'directory'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** What a planned observation looks at: a place on the sky, a body of the solar system, or the sky that passes a range of azimuth. */
export const SOURCE_KINDS = ['fixed', 'solar_system', 'constant_elevation'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/**
 * Where a staging job stands.
 * - `requested`: known, nothing is fetched yet
 * - `active`: its packages are being fetched
 * - `ready`: its files lie where they were asked for
 * - `released`, `expired`, `failed`: over; its files are removed
 */
export const STAGING_STATES = ['requested', 'active', 'ready', 'released', 'expired', 'failed'] as const;
export type StagingState = (typeof STAGING_STATES)[number];
