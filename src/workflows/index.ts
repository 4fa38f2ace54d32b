/** Every workflow of the system, and nothing else: each export here becomes a workflow type. */
export { archiveAudit } from './archive-audit.js';
export { archiveInventory } from './archive-inventory.js';
export { archiveRepair } from './archive-repair.js';
export { auditPlanning } from './audit-planning.js';
export { dataTransfer } from './data-transfer.js';
export { dataTransferPackageCreation } from './data-transfer-package-creation.js';
export { dataTransferUnpacking } from './data-transfer-unpacking.js';
export { deletion } from './deletion.js';
export { deletionPlanning } from './deletion-planning.js';
export { longTermArchivePlanning } from './long-term-archive-planning.js';
export { longTermArchiveTransfer } from './long-term-archive-transfer.js';
export { monitoring } from './monitoring.js';
export { rawDataPackageCreation } from './raw-data-package-creation.js';
export { rawDataPackagePlanning } from './raw-data-package-planning.js';
export { staging } from './staging.js';
export { stagingPlanning } from './staging-planning.js';
