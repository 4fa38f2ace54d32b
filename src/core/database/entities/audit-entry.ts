import { Column, Entity, PrimaryColumn } from 'typeorm';

/** That something changed, written in the transaction of the change and never altered. */
@Entity('audit_entry')
export class AuditEntryEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  at!: Date;

  /** What was done, such as `package_created`. */
  @Column({ type: 'text' })
  action!: string;

  /** The table of the row that it was done to. */
  @Column({ type: 'text' })
  subjectType!: string;

  @Column({ type: 'uuid' })
  subjectId!: string;

  @Column({ type: 'jsonb' })
  facts!: Record<string, unknown>;
}
