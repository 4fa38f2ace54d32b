import { Column, Entity, PrimaryColumn } from 'typeorm';
import { asNumber } from './column-types.js';

/** The place of an audit entry in the chain of hashes. */
@Entity('audit_seal')
export class AuditSealEntity {
  @PrimaryColumn({ type: 'bigint', transformer: asNumber })
  sequence!: number;

  @Column({ type: 'uuid' })
  entryId!: string;

  @Column({ type: 'text' })
  prevHash!: string;

  /** SHA-256, hex; see `policy/audit-chain.ts`. */
  @Column({ type: 'text' })
  hash!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  sealedAt!: Date;
}
