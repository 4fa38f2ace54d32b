import { Column, Entity, PrimaryColumn } from 'typeorm';

/** That an archive was asked for its copy and answered well. */
@Entity('archive_challenge')
export class ArchiveChallengeEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  physicalCopyId!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  at!: Date;

  @Column({ type: 'text' })
  method!: 'identity' | 'ranges' | 'full';

  /** What was read: offsets and lengths in bytes, and SHA-256 in hex. */
  @Column({ type: 'jsonb' })
  ranges!: { offset: number; bytes: number; sha256: string }[];
}
