/** The document that `cdt up --json` prints, as scripts rely on it. */
export interface Report {
  files: number;
  bytes: number;
  seconds: number;
  packages: ReportedPackage[];
  source: { deleted: number; kept: number };
  problems: ReportedProblem[];
  temporalUi: string;
  s3: { endpoint: string; root: string };
}

export interface ReportedPackage {
  id: string;
  name: string;
  executedObsUnit: string;
  instrumentModule: string;
  files: number;
  bytes: number;
  sha256: string;
  state: string;
  archive: { location: string; bucket: string; key: string; verifiedAt: string };
  workflowId: string;
}

export interface ReportedProblem {
  class: string;
  operation: string;
  subject: string;
  message: string;
  advice: string;
  workflowId?: string;
}
