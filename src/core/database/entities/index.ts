import { ArchiveChallengeEntity } from './archive-challenge.js';
import { AuditEntryEntity } from './audit-entry.js';
import { AuditSealEntity } from './audit-seal.js';
import { DataLocationEntity } from './data-location.js';
import { DataTransferItemEntity } from './data-transfer-item.js';
import { DataTransferPackageEntity } from './data-transfer-package.js';
import { DataTransferRouteEntity } from './data-transfer-route.js';
import { DataTransferEntity } from './data-transfer.js';
import { DeletionHoldEntity } from './deletion-hold.js';
import { ExecutedObsUnitEntity } from './executed-obs-unit.js';
import { InstrumentModuleEntity } from './instrument-module.js';
import { LongTermArchiveTransferEntity } from './long-term-archive-transfer.js';
import { PackageDeletionEntity } from './package-deletion.js';
import { PhysicalCopyEntity } from './physical-copy.js';
import { ProblemEntity } from './problem.js';
import { RawDataFileEntity } from './raw-data-file.js';
import { RawDataPackageEntity } from './raw-data-package.js';
import { SiteEntity } from './site.js';

/** Every table of the catalogue. */
export const ENTITIES = [
  SiteEntity,
  DataLocationEntity,
  DataTransferRouteEntity,
  InstrumentModuleEntity,
  ExecutedObsUnitEntity,
  RawDataFileEntity,
  RawDataPackageEntity,
  DataTransferPackageEntity,
  DataTransferEntity,
  DataTransferItemEntity,
  LongTermArchiveTransferEntity,
  PhysicalCopyEntity,
  ProblemEntity,
  AuditEntryEntity,
  AuditSealEntity,
  ArchiveChallengeEntity,
  DeletionHoldEntity,
  PackageDeletionEntity,
];
