import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a planner found when it looked last, and why it left undone what it did. */
@Entity('planner_verdict')
export class PlannerVerdictEntity {
  @PrimaryColumn({ type: 'text' })
  plannerId!: string;

  /** Pieces of work that it planned. */
  @Column({ type: 'integer' })
  planned!: number;

  @Column({ type: 'jsonb' })
  reasons!: string[];

  /** Since when it has had reasons without a break. */
  @Column({ type: 'timestamptz', nullable: true })
  since!: Date | null;

  @Column({ type: 'timestamptz' })
  toldAt!: Date;
}
