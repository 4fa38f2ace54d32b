import type { ArchivedPackageSummary, Problem, SourceProgress } from '../../../core/database/records.js';
import type { CCATDataOperationError } from '../../../core/exceptions.js';
import type { WaitingFacts } from '../../../core/policy/completion.js';
import type { PackageState } from '../../../core/states.js';

/** What `--json` prints: the shape that scripts rely on. Absent values are null, never missing keys. */
export interface UpDocument {
  /** Regular files of the source that are in packages, and their bytes. */
  files: number;
  bytes: number;
  seconds: number;
  packages: PackageDocument[];
  /** Entries of the source: freed after they were archived, and still there. */
  source: { deleted: number; kept: number };
  problems: ProblemDocument[];
  temporalUi: string | null;
  s3: { endpoint: string | null; root: string | null };
}

export interface PackageDocument {
  id: string;
  name: string;
  executedObsUnit: string;
  instrumentModule: string;
  files: number;
  /** Size and SHA-256 of the tar; null until it is made. */
  bytes: number | null;
  sha256: string | null;
  state: PackageState;
  archive: { location: string; bucket: string; key: string; verifiedAt: string } | null;
  workflowId: string;
}

export interface ProblemDocument {
  class: string;
  operation: string;
  subject: string;
  message: string;
  advice: string | null;
  workflowId?: string;
}

/** What is known when the command ends; what never became known is left out. */
export interface Outcome {
  seconds: number;
  packages?: ArchivedPackageSummary[];
  progress?: SourceProgress;
  problems?: Problem[];
  waiting?: WaitingFacts[];
  /** What could not be done, in words, where no problem says so. */
  left?: string[];
  /** The source as the user named it. */
  source?: string;
  /** What ended the command. */
  failure?: CCATDataOperationError;
  temporalUi?: string;
  s3?: { endpoint: string; root?: string };
}

/** Builds the one document of `--json`. */
export function upDocument(outcome: Outcome): UpDocument {
  const packages = (outcome.packages ?? []).map(packageDocument);
  const held = (outcome.packages ?? []).filter((one) => one.state !== 'failed');
  const files = outcome.progress?.files;
  return {
    files: held.reduce((sum, one) => sum + one.fileCount, 0),
    bytes: held.reduce((sum, one) => sum + one.payloadBytes, 0),
    seconds: Math.round(outcome.seconds * 10) / 10,
    packages,
    source: {
      deleted: files?.deleted ?? 0,
      kept: files === undefined ? 0 : files.registered + files.packaged + files.refused,
    },
    problems: problemDocuments(outcome),
    temporalUi: outcome.temporalUi ?? null,
    s3: { endpoint: outcome.s3?.endpoint ?? null, root: outcome.s3?.root ?? null },
  };
}

export function packageDocument(one: ArchivedPackageSummary): PackageDocument {
  return {
    id: one.id,
    name: one.name,
    executedObsUnit: one.executedObsUnit,
    instrumentModule: one.instrumentModule,
    files: one.fileCount,
    bytes: one.bytes ?? null,
    sha256: one.sha256 ?? null,
    state: one.state,
    archive: one.archive ?? null,
    workflowId: `raw-data-package/${one.id}`,
  };
}

/** Every reason why not all is well: the catalogue's, then what waits without one, then what is merely left. */
function problemDocuments(outcome: Outcome): ProblemDocument[] {
  const told = (outcome.problems ?? []).map(problemDocument);
  const known = new Set(told.map((problem) => problem.workflowId));
  const untold = (outcome.waiting ?? []).filter((one) => !known.has(one.workflowId)).map(waitingDocument);
  const left =
    outcome.left === undefined || outcome.left.length === 0
      ? []
      : [leftDocument(outcome.source ?? '', outcome.left)];
  return [
    ...told,
    ...untold,
    ...left,
    ...(outcome.failure === undefined ? [] : [failureDocument(outcome.failure)]),
  ];
}

function leftDocument(subject: string, left: string[]): ProblemDocument {
  return {
    class: 'CCATDataOperationError',
    operation: 'up',
    subject,
    message: `not everything could be done: ${left.join('; ')}`,
    advice: 'the same command goes on from here; while it runs, cdt status and the Temporal UI tell more',
  };
}

export function problemDocument({
  errorClass,
  operation,
  subject,
  message,
  advice,
  workflowId,
}: Problem): ProblemDocument {
  return {
    class: errorClass,
    operation,
    subject,
    message,
    advice: advice ?? null,
    ...(workflowId === undefined ? {} : { workflowId }),
  };
}

function waitingDocument({ workflowId, operation, packageNames, reason }: WaitingFacts): ProblemDocument {
  return {
    class: 'CCATDataOperationError',
    operation,
    subject: packageNames.join(', ') || workflowId,
    message: reason ?? 'waits for an operator',
    advice: `cdt retry ${workflowId}, cdt skip ${workflowId} or cdt abandon ${workflowId}`,
    workflowId,
  };
}

function failureDocument(error: CCATDataOperationError): ProblemDocument {
  return {
    class: error.name,
    operation: error.operation ?? 'up',
    subject: error.subject ?? '',
    message: error.message,
    advice: error.advice ?? null,
  };
}
