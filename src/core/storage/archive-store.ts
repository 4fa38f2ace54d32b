import type { ReadRange } from '../database/records.js';

/** One object in an archive, as the store itself tells it. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** SHA-256 that the server checked, hex; absent where the store keeps only checksums of parts. */
  sha256?: string;
  versionId?: string;
  etag?: string;
  /** ISO 8601. */
  lastModified?: string;
}

export interface TransferOptions {
  signal?: AbortSignal;
  /** Called with the bytes done so far, of the whole object; rises, but may start above 0 after a resume. */
  onProgress?: (bytesDone: number) => void;
}

export interface PutOptions extends TransferOptions {
  /** Whether it is sent so that what arrived stays when it is cut off, at some cost: worth it where it was cut off before. */
  inParts?: boolean;
}

/** A part of an object, in bytes. */
export type ByteRange = Pick<ReadRange, 'offset' | 'bytes'>;

export interface ReadOptions extends TransferOptions {
  /** Ranges that are digested each by itself, too. */
  ranges?: readonly ByteRange[];
  /** Called with the bytes of each piece that was read back; few more are read until it has ended. */
  pace?: (bytes: number) => Promise<void>;
}

/** What an object was when it was read as a whole. */
export interface ReadBack {
  bytes: number;
  /** Hex. */
  sha256: string;
  /** Those that were asked for. */
  ranges?: ReadRange[];
}

/** Where the bytes of an object come from; read once, in order, a piece at a time, into memory that is used over and over. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  size(): Promise<number>;
  /** Fills the piece with the bytes from there. */
  read(offset: number, piece: Buffer): Promise<void>;
  close(): Promise<void>;
}

/**
 * Bytes at rest in a long-term archive. Every method throws a class of `exceptions.ts`, never a driver's own error, and
 * retries nothing that outlasts a moment: Temporal owns retries. Nothing here deletes.
 */
export interface ArchiveStore {
  /** Makes sure that the bucket is there and may be written; throws {@link ConfigurationError} for wrong credentials. */
  prepare(): Promise<void>;

  /**
   * Makes sure, without making anything, that this is the store that was once prepared: an object that is missing in a store which
   * is itself not there (a disk that is not mounted, a bucket of another name) is not lost.
   *
   * @throws ConfigurationError when it is not there or refuses us
   */
  requireStore(): Promise<void>;

  /**
   * Stores a file, or what another store gives, under a key, each byte covered by a checksum that the server verifies.
   * An object of that key with the same size and SHA-256 metadata is success; a different one is a
   * {@link DestinationFileExistsError} and stays untouched. An upload in parts that was cut off goes on with those that the store has.
   *
   * @param sha256 hex digest of the content, known beforehand; what is read must match it, else {@link DataCorruptionError}
   */
  put(
    key: string,
    source: string | ByteSource,
    expected: { bytes: number; sha256: string },
    options?: PutOptions,
  ): Promise<StoredObject>;

  /** Stores a small JSON document, replacing an older one. */
  putJson(key: string, document: unknown): Promise<StoredObject>;

  /** Reads a small JSON document; undefined where there is none, or none that can be read as JSON. */
  getJson(key: string): Promise<unknown>;

  /** What is there, or undefined. */
  head(key: string): Promise<StoredObject | undefined>;

  /** Reads a whole object back from the store and digests it. */
  readBack(key: string, options?: ReadOptions): Promise<ReadBack>;

  /** Reads part of an object. */
  readRange(key: string, offset: number, length: number): Promise<Buffer>;
  /** All that it holds, whoever put it there, a page at a time and in no promised order. */
  list(options?: Pick<TransferOptions, 'signal'>): AsyncIterable<StoredObject[]>;
}
