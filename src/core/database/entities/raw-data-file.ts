import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { EntryKind, RawDataFileState } from '../../states.js';
import { asNumber } from './column-types.js';

/** One version of one entry of a source: what an instrument wrote under a path, as of one size and mtime. */
@Entity('raw_data_file')
export class RawDataFileEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  sourceLocationId!: string;

  @Column({ type: 'uuid' })
  executedObsUnitId!: string;

  @Column({ type: 'uuid' })
  instrumentModuleId!: string;

  /** Path text, relative to the source; up to 4 KB, so indexes hold its hash. */
  @Column({ type: 'text' })
  path!: string;

  @Column({ type: 'text' })
  pathHash!: string;

  @Column({ type: 'text' })
  kind!: EntryKind;

  @Column({ type: 'bigint', transformer: asNumber })
  size!: number;

  /** Nanoseconds as decimal text, as the driver hands 64-bit integers over. */
  @Column({ type: 'bigint' })
  mtimeNs!: string;

  @Column({ type: 'bigint' })
  ctimeNs!: string;

  @Column({ type: 'text' })
  state!: RawDataFileState;

  /** Whether it is still enough to be packaged. */
  @Column({ type: 'boolean' })
  quiet!: boolean;

  /** When this size, mtime and ctime were first seen. */
  @Column({ type: 'timestamptz' })
  seenAt!: Date;

  /** The package it is in or on its way into. */
  @Column({ type: 'uuid', nullable: true })
  rawDataPackageId!: string | null;

  @Column({ type: 'text', nullable: true })
  sha256!: string | null;

  @Column({ type: 'text', nullable: true })
  refusalReason!: string | null;

  /** Why it was not deleted at the source when its package was archived. */
  @Column({ type: 'text', nullable: true })
  keptReason!: string | null;

  @Column({ type: 'timestamptz', nullable: true })
  deletedAt!: Date | null;
}
