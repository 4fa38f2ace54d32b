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

export interface ReadOptions extends TransferOptions {
  /** Called with the bytes themselves as they come, in their order. */
  onBytes?: (chunk: Buffer) => void;
}

/**
 * Bytes at rest in a long-term archive. Every method throws a class of `exceptions.ts`, never a driver's own error, and
 * retries nothing that outlasts a moment: Temporal owns retries. Nothing here deletes.
 */
export interface ArchiveStore {
  /** Makes sure that the bucket is there and may be written; throws {@link ConfigurationError} for wrong credentials. */
  prepare(): Promise<void>;

  /**
   * Stores a file under a key, each byte covered by a checksum that the server verifies.
   * An object of that key with the same size and SHA-256 metadata is success; a different one is a
   * {@link DestinationFileExistsError} and stays untouched. An interrupted upload goes on with the parts that the store has.
   *
   * @param sha256 hex digest of the file, known beforehand; what is read from the file must match it, else {@link DataCorruptionError}
   */
  put(
    key: string,
    file: string,
    expected: { bytes: number; sha256: string },
    options?: TransferOptions,
  ): Promise<StoredObject>;

  /** Stores a small JSON document, replacing an older one. */
  putJson(key: string, document: unknown): Promise<StoredObject>;

  /** What is there, or undefined. */
  head(key: string): Promise<StoredObject | undefined>;

  /** Reads a whole object back from the store and digests it. */
  readBack(key: string, options?: ReadOptions): Promise<{ bytes: number; sha256: string }>;

  /** Reads part of an object. */
  readRange(key: string, offset: number, length: number): Promise<Buffer>;
}
