import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What a package's content is, in the terms of IVOA ObsCore 1.1 (names as there, in snake case): beside the package, so that its row
 * stays small. Times are MJD, angles degrees, durations seconds, wavelengths metres.
 */
@Entity('raw_data_package_metadata')
export class RawDataPackageMetadataEntity {
  @PrimaryColumn({ type: 'uuid' })
  rawDataPackageId!: string;

  @Column({ type: 'text', nullable: true })
  dataproductType!: string | null;

  @Column({ type: 'text' })
  obsCollection!: string;

  @Column({ type: 'text' })
  obsId!: string;

  @Column({ type: 'text', nullable: true })
  targetName!: string | null;

  @Column({ type: 'double precision', nullable: true })
  sRa!: number | null;

  @Column({ type: 'double precision', nullable: true })
  sDec!: number | null;

  @Column({ type: 'double precision', nullable: true })
  tMin!: number | null;

  @Column({ type: 'double precision', nullable: true })
  tMax!: number | null;

  @Column({ type: 'double precision', nullable: true })
  tExptime!: number | null;

  @Column({ type: 'double precision', nullable: true })
  emMin!: number | null;

  @Column({ type: 'double precision', nullable: true })
  emMax!: number | null;

  @Column({ type: 'text', nullable: true })
  facilityName!: string | null;

  @Column({ type: 'text' })
  instrumentName!: string;

  @Column({ type: 'timestamptz' })
  describedAt!: Date;
}
