import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An operator's word that nothing of a package, or of an observation, is to be deleted. */
@Entity('deletion_hold')
export class DeletionHoldEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid', nullable: true })
  rawDataPackageId!: string | null;

  @Column({ type: 'uuid', nullable: true })
  executedObsUnitId!: string | null;

  @Column({ type: 'text' })
  reason!: string;

  @Column({ type: 'text' })
  placedBy!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  placedAt!: Date;

  @Column({ type: 'text', nullable: true })
  releasedBy!: string | null;

  @Column({ type: 'timestamptz', nullable: true })
  releasedAt!: Date | null;
}
