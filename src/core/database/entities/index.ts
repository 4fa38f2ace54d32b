import {
  ApiTokenEntity,
  ApiTokenPermissionEntity,
  PermissionEntity,
  RoleEntity,
  RolePermissionEntity,
  UserEntity,
  UserRoleEntity,
} from './access-control.js';
import { ArchiveChallengeEntity } from './archive-challenge.js';
import { AuditEntryEntity } from './audit-entry.js';
import { AuditSealEntity } from './audit-seal.js';
import { BreakerEntity } from './breaker.js';
import { LocationFillEntity } from './location-fill.js';
import { LocationMeasurementEntity } from './location-measurement.js';
import { PlannerVerdictEntity } from './planner-verdict.js';
import { DataLocationEntity } from './data-location.js';
import { DataTransferItemEntity } from './data-transfer-item.js';
import { DataTransferLogEntity } from './data-transfer-log.js';
import { DataTransferPackageEntity } from './data-transfer-package.js';
import { DataTransferRouteEntity } from './data-transfer-route.js';
import { DataTransferEntity } from './data-transfer.js';
import { DeletionHoldEntity } from './deletion-hold.js';
import { ExecutedObsUnitEntity } from './executed-obs-unit.js';
import { InstrumentModuleEntity } from './instrument-module.js';
import { LongTermArchiveTransferEntity } from './long-term-archive-transfer.js';
import {
  InstrumentEntity,
  InstrumentModuleConfigurationEntity,
  ObservatoryEntity,
  TelescopeEntity,
} from './observatory.js';
import { PackageDeletionEntity } from './package-deletion.js';
import { PhysicalCopyEntity } from './physical-copy.js';
import {
  ObsModeEntity,
  ObsUnitEntity,
  ObsUnitModuleConfigurationEntity,
  ObservationConfigurationEntity,
  ObservingProgramEntity,
  SourceEntity,
  SubObservingProgramEntity,
} from './planning.js';
import { ProblemEntity } from './problem.js';
import { RawDataFileEntity } from './raw-data-file.js';
import { RawDataPackageMetadataEntity } from './raw-data-package-metadata.js';
import { RawDataPackageEntity } from './raw-data-package.js';
import { SettingChangeEntity } from './setting-change.js';
import { SettingEntity } from './setting.js';
import { SiteEntity } from './site.js';

/** Every table of the catalogue. */
export const ENTITIES = [
  SiteEntity,
  DataLocationEntity,
  DataTransferRouteEntity,
  ObservatoryEntity,
  TelescopeEntity,
  InstrumentEntity,
  InstrumentModuleEntity,
  InstrumentModuleConfigurationEntity,
  ObservingProgramEntity,
  SubObservingProgramEntity,
  SourceEntity,
  ObsModeEntity,
  ObservationConfigurationEntity,
  ObsUnitEntity,
  ObsUnitModuleConfigurationEntity,
  ExecutedObsUnitEntity,
  RawDataFileEntity,
  RawDataPackageEntity,
  RawDataPackageMetadataEntity,
  DataTransferPackageEntity,
  DataTransferEntity,
  DataTransferItemEntity,
  LongTermArchiveTransferEntity,
  DataTransferLogEntity,
  PhysicalCopyEntity,
  ProblemEntity,
  AuditEntryEntity,
  AuditSealEntity,
  ArchiveChallengeEntity,
  DeletionHoldEntity,
  PackageDeletionEntity,
  LocationMeasurementEntity,
  LocationFillEntity,
  PlannerVerdictEntity,
  BreakerEntity,
  UserEntity,
  RoleEntity,
  PermissionEntity,
  UserRoleEntity,
  RolePermissionEntity,
  ApiTokenEntity,
  ApiTokenPermissionEntity,
  SettingEntity,
  SettingChangeEntity,
];
