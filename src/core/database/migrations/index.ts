import { InitialSchema0000000000001 } from './0001-initial-schema.js';
import { Routes0000000000002 } from './0002-routes.js';
import { Deletion0000000000005 } from './0005-deletion.js';
import { Settings0000000000006 } from './0006-settings.js';
import { DeletionEvidence0000000000007 } from './0007-deletion-evidence.js';
import { Staging0000000000008 } from './0008-staging.js';
import { Audit0000000000009 } from './0009-audit.js';
import { Liveness0000000000010 } from './0010-liveness.js';
import { Entities0000000000011 } from './0011-entities.js';
import { Notifications0000000000013 } from './0013-notifications.js';
import { EmptiedFolders0000000000014 } from './0014-emptied-folders.js';
import { CopyStates0000000000022 } from './0022-copy-states.js';
import { TransferAttempts0000000000023 } from './0023-transfer-attempts.js';
import { StagedFiles0000000000024 } from './0024-staged-files.js';
import { Transports0000000000025 } from './0025-transports.js';
import { PlanningAtScale0000000000026 } from './0026-planning-at-scale.js';
import { Tallies0000000000027 } from './0027-tallies.js';
import { CopiesByPath0000000000030 } from './0030-copies-by-path.js';
import { QuickChecks0000000000031 } from './0031-quick-checks.js';
import { GrowingTables0000000000032 } from './0032-growing-tables.js';
import { HandedOn0000000000033 } from './0033-handed-on.js';
import { LockForDeletion0000000000034 } from './0034-lock-for-deletion.js';
import { HoldsOfAudits0000000000035 } from './0035-holds-of-audits.js';

/** Every migration, in the order in which they run. One that has been released is never changed. */
export const MIGRATIONS = [
  InitialSchema0000000000001,
  Routes0000000000002,
  Deletion0000000000005,
  Settings0000000000006,
  DeletionEvidence0000000000007,
  Staging0000000000008,
  Audit0000000000009,
  Liveness0000000000010,
  Entities0000000000011,
  Notifications0000000000013,
  EmptiedFolders0000000000014,
  CopyStates0000000000022,
  TransferAttempts0000000000023,
  StagedFiles0000000000024,
  Transports0000000000025,
  PlanningAtScale0000000000026,
  Tallies0000000000027,
  CopiesByPath0000000000030,
  QuickChecks0000000000031,
  GrowingTables0000000000032,
  HandedOn0000000000033,
  LockForDeletion0000000000034,
  HoldsOfAudits0000000000035,
];
