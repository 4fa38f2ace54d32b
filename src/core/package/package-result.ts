import type { EntryKind } from '../states.js';
import type { PathText } from '../utilities/path-text.js';

/** What a scan finds under one path of a source, and what the catalogue registers. */
export interface SourceEntry {
  /** Relative to the source's root. */
  path: PathText;
  kind: EntryKind;
  /** Bytes; 0 for links and directories. */
  size: number;
  /** Nanoseconds since the epoch, as decimal text (it exceeds what a number holds exactly). */
  mtimeNs: string;
  ctimeNs: string;
}

/** Why an entry of a source is not in a package. */
export interface RefusedEntry {
  path: PathText;
  /**
   * - `unreadable`: the system refused to open or read it
   * - `vanished`: it was there at the scan
   * - `changed`: it grew, shrank or was written while being read; it is taken up again once still
   * - `unsupported`: a socket, fifo, device, or a path too long to open
   */
  kind: 'unreadable' | 'vanished' | 'changed' | 'unsupported';
  /** A sentence for people. */
  reason: string;
}

export interface PackageMember extends SourceEntry {
  /** Hex; files only. */
  sha256?: string;
}

/** What packaging leaves beside its output as `<output>.result.json`, and all that the catalogue records of it. */
export interface PackageResult {
  version: 1;
  /** File name of the tar. */
  name: string;
  /** Size and SHA-256 of the whole tar. */
  bytes: number;
  sha256: string;
  /** Regular files in it and their bytes. */
  fileCount: number;
  payloadBytes: number;
  members: PackageMember[];
  refused: RefusedEntry[];
  /** ISO 8601. */
  createdAt: string;
}
