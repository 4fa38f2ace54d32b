import { Column, Entity, PrimaryColumn } from 'typeorm';
import { asNumber } from './column-types.js';

/** Where the output of a transfer's command lies: in a file of the site where it ran, never in the catalogue. */
@Entity('data_transfer_log')
export class DataTransferLogEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** Of a data transfer, or of a transfer into an archive. */
  @Column({ type: 'uuid', nullable: true })
  dataTransferId!: string | null;

  @Column({ type: 'uuid', nullable: true })
  longTermArchiveTransferId!: string | null;

  @Column({ type: 'text' })
  site!: string;

  @Column({ type: 'text' })
  path!: string;

  @Column({ type: 'bigint', transformer: asNumber })
  bytes!: number;

  @Column({ type: 'text' })
  sha256!: string;

  /** Null where a signal ended the command. */
  @Column({ type: 'integer', nullable: true })
  exitCode!: number | null;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;
}
