import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DiskCondition } from '../../policy/buffer-space.js';
import type { DiskLevel } from '../../policy/disk-level.js';
import { asNumber } from './column-types.js';

/** How full the disk of a location is, as it was measured last. */
@Entity('location_measurement')
export class LocationMeasurementEntity {
  @PrimaryColumn({ type: 'uuid' })
  dataLocationId!: string;

  @Column({ type: 'timestamptz' })
  measuredAt!: Date;

  @Column({ type: 'text' })
  condition!: DiskCondition;

  /** Why it can't be used. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ type: 'bigint', transformer: asNumber })
  totalBytes!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  freeBytes!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  totalInodes!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  freeInodes!: number;

  @Column({ type: 'text' })
  level!: DiskLevel;

  @Column({ type: 'timestamptz' })
  levelSince!: Date;

  /** By which it fills; below 0 it empties. */
  @Column({ type: 'double precision', nullable: true })
  bytesPerSecond!: number | null;
}
