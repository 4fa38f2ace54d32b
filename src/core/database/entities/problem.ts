import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Something a person should know, kept until it is resolved. */
@Entity('problem')
export class ProblemEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  errorClass!: string;

  @Column({ type: 'text' })
  operation!: string;

  @Column({ type: 'text' })
  subject!: string;

  /** Of the source's id and the subject: a path can be 4 KB, too long for an index, and two sources can have the same. */
  @Column({ type: 'text' })
  subjectHash!: string;

  @Column({ type: 'text' })
  message!: string;

  @Column({ type: 'text', nullable: true })
  advice!: string | null;

  @Column({ type: 'text', nullable: true })
  workflowId!: string | null;

  @Column({ type: 'uuid', nullable: true })
  sourceLocationId!: string | null;

  @Column({ type: 'timestamptz' })
  firstAt!: Date;

  @Column({ type: 'timestamptz' })
  lastAt!: Date;

  @Column({ type: 'integer' })
  count!: number;

  @Column({ type: 'timestamptz', nullable: true })
  resolvedAt!: Date | null;
}
