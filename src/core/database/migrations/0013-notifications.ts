import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const LEVEL = `text not null check (level in ('info', 'warning', 'critical'))`;

const NOTIFICATIONS = [
  // What people are told, one row for each thing: the same kind about the same subject counts up.
  `create table notification (
    id uuid primary key,
    kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,62}$'),
    subject text not null,
    subject_hash text not null check (subject_hash ~ '^[0-9a-f]{32}$'),
    level ${LEVEL},
    happened text not null,
    tried text,
    advice text,
    workflow_id text,
    first_at timestamptz not null,
    last_at timestamptz not null,
    count integer not null check (count > 0),
    told_count integer not null default 0 check (told_count between 0 and count),
    tell_at timestamptz not null,
    unique (kind, subject_hash)
  )`,
  `create index notification_to_tell on notification (tell_at) where told_count < count`,
  // What each channel still has to say, and what it said lately: the state that all workers share.
  `create table notification_delivery (
    id uuid primary key,
    notification_id uuid references notification on delete set null,
    channel text not null check (channel <> ''),
    level ${LEVEL},
    notice jsonb not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
    -- Over the channel's limit: told with all others that are, as one message.
    held boolean not null default false,
    -- Deliveries that went out together share it; the receiver recognises a repetition by it.
    message_id uuid,
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null,
    error text,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint ended_has_a_time check ((state = 'waiting') = (ended_at is null)),
    constraint sent_has_a_message check (state <> 'sent' or message_id is not null)
  )`,
  `create index notification_delivery_waiting on notification_delivery (channel, due_at) where state = 'waiting'`,
  `create index notification_delivery_ended on notification_delivery (channel, ended_at) where state <> 'waiting'`,
  `create index notification_delivery_by_notification on notification_delivery (notification_id)`,
];

/** What people are told of, and how far each channel is with telling it. */
export class Notifications0000000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of NOTIFICATIONS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
