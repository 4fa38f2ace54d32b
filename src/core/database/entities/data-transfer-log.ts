import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AttemptRecord } from '../catalogue/transfer-logs.js';
import { asNumber } from './column-types.js';

/** One attempt of a transfer that is over, and where what it said lies: in a file of the site where it ran, never in the catalogue. */
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

  @Column({ type: 'integer' })
  attempt!: number;

  @Column({ type: 'timestamptz' })
  startedAt!: Date;

  /** Null where its process was gone before it could say. */
  @Column({ type: 'timestamptz', nullable: true })
  endedAt!: Date | null;

  @Column({ type: 'text' })
  outcome!: AttemptRecord['outcome'];

  @Column({ type: 'bigint', transformer: asNumber })
  bytesMoved!: number;

  @Column({ type: 'text', nullable: true })
  errorClass!: string | null;

  @Column({ type: 'text', nullable: true })
  message!: string | null;

  /** Of a transport that is a command; null where a signal ended it. */
  @Column({ type: 'integer', nullable: true })
  exitCode!: number | null;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;
}
