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

  /** How often in a row nothing of it could go. */
  @Column({ type: 'integer' })
  refusals!: number;

  /** Why the last time. */
  @Column({ type: 'text', nullable: true })
  refusedFor!: string | null;
}
