import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { PhysicalCopyState } from '../../states.js';
import { asNumber } from './column-types.js';
import { DataLocationEntity } from './data-location.js';

/** One object at one location. */
@Entity('physical_copy')
export class PhysicalCopyEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  rawDataPackageId!: string;

  @Column({ type: 'uuid' })
  dataLocationId!: string;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'data_location_id' })
  location!: DataLocationEntity;

  @Column({ type: 'text' })
  state!: PhysicalCopyState;

  /** Path below a disk location, or the key in a store. */
  @Column({ type: 'text' })
  path!: string;

  @Column({ type: 'bigint', transformer: asNumber })
  bytes!: number;

  @Column({ type: 'text' })
  sha256!: string;

  @Column({ type: 'timestamptz', nullable: true })
  verifiedAt!: Date | null;

  @Column({ type: 'text', nullable: true })
  versionId!: string | null;

  @Column({ type: 'text', nullable: true })
  etag!: string | null;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  deletedAt!: Date | null;

  /** Set while its deletion is scheduled: until then it can be undone. */
  @Column({ type: 'timestamptz', nullable: true })
  deleteAfter!: Date | null;

  /** When its deletion was scheduled last; counts against the budget of its location. */
  @Column({ type: 'timestamptz', nullable: true })
  scheduledAt!: Date | null;

  /** Set from a failed challenge until it was read back in full. */
  @Column({ type: 'timestamptz', nullable: true })
  doubtedAt!: Date | null;

  /** What the challenge found. */
  @Column({ type: 'text', nullable: true })
  doubt!: string | null;
}
