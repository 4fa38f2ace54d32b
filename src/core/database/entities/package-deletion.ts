import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the planner of deletions must know of a package besides its copies. */
@Entity('package_deletion')
export class PackageDeletionEntity {
  @PrimaryColumn({ type: 'uuid' })
  rawDataPackageId!: string;

  /** Set while the deletion of its files at the source is scheduled: until then it can be undone. */
  @Column({ type: 'timestamptz', nullable: true })
  sourceDeleteAfter!: Date | null;

  /** It is not planned again before. */
  @Column({ type: 'timestamptz', nullable: true })
  notBefore!: Date | null;

  /** The planner's run that was told last that something of it is due: it may be told again before, should its answer get lost. */
  @Column({ type: 'text', nullable: true })
  handedTo!: string | null;

  /** How often in a row nothing of it could go. */
  @Column({ type: 'integer' })
  refusals!: number;

  /** Why the last time. */
  @Column({ type: 'text', nullable: true })
  refusedFor!: string | null;

  /** When the deletion of its files at the source was scheduled last; counts against the budget of the source. */
  @Column({ type: 'timestamptz', nullable: true })
  sourceScheduledAt!: Date | null;

  /** Set when the evidence for that deletion is written: from then on its files may be gone. */
  @Column({ type: 'timestamptz', nullable: true })
  sourceBegunAt!: Date | null;
}
