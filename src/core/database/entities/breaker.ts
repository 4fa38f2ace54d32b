import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BreakerState } from '../../policy/breaker.js';

/** The breaker of a route or a store. */
@Entity('breaker')
export class BreakerEntity {
  /** `route/<name>` or `store/<site>.<location>`. */
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  kind!: 'route' | 'store';

  @Column({ type: 'text' })
  state!: BreakerState;

  @Column({ type: 'integer' })
  failures!: number;

  @Column({ type: 'integer' })
  openings!: number;

  @Column({ type: 'timestamptz', nullable: true })
  openedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  nextProbeAt!: Date | null;

  @Column({ type: 'text', nullable: true })
  errorClass!: string | null;

  @Column({ type: 'text', nullable: true })
  errorMessage!: string | null;

  @Column({ type: 'timestamptz', nullable: true })
  failedAt!: Date | null;

  @Column({ type: 'timestamptz' })
  changedAt!: Date;
}
