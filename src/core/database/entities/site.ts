import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A place that has data locations. */
@Entity('site')
export class SiteEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** Part of queue names. */
  @Column({ type: 'text', unique: true })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;
}
