import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { PackageState } from '../../states.js';
import { asNumber } from './column-types.js';
import { DataLocationEntity } from './data-location.js';
import { ExecutedObsUnitEntity } from './executed-obs-unit.js';
import { InstrumentModuleEntity } from './instrument-module.js';

/** A tar of the files of one observation unit and one module; the unit of archival. */
@Entity('raw_data_package')
export class RawDataPackageEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'uuid' })
  sourceLocationId!: string;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'source_location_id' })
  sourceLocation!: DataLocationEntity;

  /** Where it is made. */
  @Column({ type: 'uuid' })
  bufferLocationId!: string;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'buffer_location_id' })
  bufferLocation!: DataLocationEntity;

  @Column({ type: 'uuid' })
  executedObsUnitId!: string;

  @ManyToOne(() => ExecutedObsUnitEntity)
  @JoinColumn({ name: 'executed_obs_unit_id' })
  executedObsUnit!: ExecutedObsUnitEntity;

  @Column({ type: 'uuid' })
  instrumentModuleId!: string;

  @ManyToOne(() => InstrumentModuleEntity)
  @JoinColumn({ name: 'instrument_module_id' })
  instrumentModule!: InstrumentModuleEntity;

  /** Counts the packages of one unit and module, from 1. */
  @Column({ type: 'integer' })
  part!: number;

  @Column({ type: 'text' })
  state!: PackageState;

  /** Why it failed. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  /** Regular files: planned ones until it is made, then those in it. */
  @Column({ type: 'integer' })
  fileCount!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  payloadBytes!: number;

  /** Of the tar. */
  @Column({ type: 'bigint', nullable: true, transformer: asNumber })
  bytes!: number | null;

  @Column({ type: 'text', nullable: true })
  sha256!: string | null;

  /** What it was last sent with. */
  @Column({ type: 'uuid', nullable: true })
  dataTransferPackageId!: string | null;

  /** Regular files of it that were deleted at the source, and their bytes. */
  @Column({ type: 'integer' })
  freedFileCount!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  freedBytes!: number;

  /** When the last of its files at the source was deleted, or kept for a reason. */
  @Column({ type: 'timestamptz', nullable: true })
  sourceFreedAt!: Date | null;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  packagedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  arrivedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  archivedAt!: Date | null;
}
