import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Status } from '../../states.js';

/** One journey of a raw data package from a buffer into an archive. */
@Entity('long_term_archive_transfer')
export class LongTermArchiveTransferEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  rawDataPackageId!: string;

  @Column({ type: 'uuid' })
  archiveLocationId!: string;

  @Column({ type: 'text' })
  status!: Status;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  completedAt!: Date | null;
}
