import type { SearchAttributePair } from '@temporalio/common';
import type {
  DataTransferInput,
  DeletionInput,
  LongTermArchiveTransferInput,
  Place,
  RawDataPackageCreationInput,
} from '../core/journey-inputs.js';
import type { StagingRequest } from '../core/policy/staging-request.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { printable } from '../core/utilities/printable.js';
import { searchAttributes } from './search-attributes.js';

export type * from '../core/journey-inputs.js';

/**
 * How each journey is named, found and described: the one home of workflow IDs, search attributes and summaries, for planners,
 * for workflows that hand work on, and for clients.
 */
export interface JourneyStart {
  workflowType: string;
  workflowId: string;
  taskQueue: string;
  input: unknown;
  typedSearchAttributes: SearchAttributePair[];
  staticSummary: string;
  /** Whether it may run again after it ended well. */
  repeatable: boolean;
}

/** Copies read again so far. */
export interface AuditTotals {
  sound: number;
  damaged: number;
  /** Not to be read for now: no damage. */
  unanswered: number;
  /** Sidecars that were missing or wrong, and were written anew. */
  sidecars: number;
  /** Why not all was read that was to be; absent where it was. */
  endedEarly?: string;
}

export interface ArchiveAuditInput {
  archive: Place;
  /** Every copy, due or not. */
  everything?: boolean;
  /** Carried over when it continues as a new run. */
  askedBefore?: string;
  totals?: AuditTotals;
}

export interface ArchiveInventoryInput {
  archive: Place;
  /** What was put there later is left out: its copy may not be recorded yet. 24 unless given. */
  olderThanHours?: number;
}

export interface ArchiveRepairInput {
  copyId: string;
  name: string;
  observation: string;
  archive: Place;
}

/** The server refuses summaries of more than 400 bytes; names may be of any script. */
function summary(text: string): string {
  return printable(text).slice(0, 95);
}

export const packageCreationId = (packageId: string) => `raw-data-package/${packageId}`;
export const dataTransferId = (id: string) => `data-transfer/${id}`;
export const unpackingId = (id: string) => `data-transfer-unpacking/${id}`;
export const archiveTransferId = (packageId: string, archive: Place) =>
  `long-term-archive-transfer/${packageId}/${archive.site}.${archive.location}`;
export const archiveAuditId = (archive: Place) => `archive-audit/${archive.site}.${archive.location}`;
export const archiveInventoryId = (archive: Place) => `archive-inventory/${archive.site}.${archive.location}`;
export const archiveRepairId = (copyId: string) => `archive-repair/${copyId}`;
export const stagingId = (jobId: string) => `staging-job/${jobId}`;
export const deletionId = (packageId: string) => `deletion/${packageId}`;

export function rawDataPackageCreationJourney(input: RawDataPackageCreationInput): JourneyStart {
  return {
    workflowType: 'rawDataPackageCreation',
    workflowId: packageCreationId(input.packageId),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({
      site: input.source.site,
      operation: 'raw_data_package_creation',
      observations: [input.observation],
      packages: [input.name],
    }),
    staticSummary: summary(`Package ${input.name}`),
    repeatable: false,
  };
}

export function dataTransferJourney(input: DataTransferInput): JourneyStart {
  return {
    workflowType: 'dataTransfer',
    workflowId: dataTransferId(input.dataTransferId),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({
      site: input.origin.site,
      operation: 'data_transfer',
      observations: input.observations,
      packages: input.packages,
    }),
    staticSummary: summary(
      `Send ${input.packages.length === 1 ? input.packages[0] : `${input.packages.length} packages`} from ${input.origin.site} to ${input.destination.site}`,
    ),
    repeatable: false,
  };
}

export function dataTransferUnpackingJourney(input: DataTransferInput): JourneyStart {
  return {
    workflowType: 'dataTransferUnpacking',
    workflowId: unpackingId(input.dataTransferId),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({
      site: input.destination.site,
      operation: 'data_transfer_unpacking',
      observations: input.observations,
      packages: input.packages,
    }),
    staticSummary: summary(
      `Verify ${input.packages.length === 1 ? input.packages[0] : `${input.packages.length} packages`} at ${input.destination.site}`,
    ),
    repeatable: true,
  };
}

export function longTermArchiveTransferJourney(input: LongTermArchiveTransferInput): JourneyStart {
  return {
    workflowType: 'longTermArchiveTransfer',
    workflowId: archiveTransferId(input.packageId, input.archive),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({
      site: input.archive.site,
      operation: 'long_term_archive_transfer',
      observations: [input.observation],
      packages: [input.name],
    }),
    staticSummary: summary(`Archive ${input.name} in ${input.archive.site}.${input.archive.location}`),
    repeatable: false,
  };
}

export function deletionJourney(input: DeletionInput): JourneyStart {
  return {
    workflowType: 'deletion',
    workflowId: deletionId(input.packageId),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({
      site: 'all',
      operation: 'deletion',
      observations: [input.observation],
      packages: [input.name],
    }),
    staticSummary: summary(`Free the copies of ${input.name} that the archive has made redundant`),
    repeatable: true,
  };
}

export function archiveAuditJourney(input: ArchiveAuditInput): JourneyStart {
  const { site, location } = input.archive;
  return {
    workflowType: 'archiveAudit',
    workflowId: archiveAuditId(input.archive),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({ site, operation: 'audit' }),
    staticSummary: summary(`Read the copies in ${site}.${location} again`),
    repeatable: true,
  };
}

export function archiveInventoryJourney(input: ArchiveInventoryInput): JourneyStart {
  const { site, location } = input.archive;
  return {
    workflowType: 'archiveInventory',
    workflowId: archiveInventoryId(input.archive),
    taskQueue: WORKFLOW_QUEUE,
    input,
    typedSearchAttributes: searchAttributes({ site, operation: 'audit' }),
    staticSummary: summary(`Find what the catalogue does not know in ${site}.${location}`),
    repeatable: true,
  };
}

export function archiveRepairJourney(input: ArchiveRepairInput): JourneyStart {
  const { site, location } = input.archive;
  return {
    workflowType: 'archiveRepair',
    workflowId: archiveRepairId(input.copyId),
    taskQueue: WORKFLOW_QUEUE,
    input: { copyId: input.copyId, name: input.name, observation: input.observation, archive: input.archive },
    typedSearchAttributes: searchAttributes({
      site,
      operation: 'audit',
      observations: [input.observation],
      packages: [input.name],
    }),
    staticSummary: summary(`Repair ${input.name} in ${site}.${location}`),
    repeatable: true,
  };
}

export function stagingJourney(jobId: string, request: StagingRequest): JourneyStart {
  const [site = ''] = request.destination.split('.');
  return {
    workflowType: 'staging',
    workflowId: stagingId(jobId),
    taskQueue: WORKFLOW_QUEUE,
    input: { jobId, ...request },
    typedSearchAttributes: searchAttributes({
      site,
      operation: 'staging',
      observations: request.observations?.slice(0, 20),
    }),
    staticSummary: summary(`Stage files to ${request.destination} for ${request.requestedBy}`),
    repeatable: false,
  };
}
