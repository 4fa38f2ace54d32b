import type { EntityManager } from 'typeorm';
import { batches, type WaitingDelivery } from '../../notifications/batching.js';
import {
  highestLevel,
  type Notice,
  type NotificationLevel,
  type OutgoingMessage,
  type ToldNotice,
} from '../../notifications/notice.js';
import { channelsFor, type Routing } from '../../notifications/settings.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { lock, row, rows, textHash } from './sql.js';

/** Taken at once: a storm is worked off in rounds. */
const AT_ONCE = 200;
/** A sender that died has its message sent by another after so long: longer than a receiver may take to answer. */
const LEASE_SECONDS = 120;
/** How long what was told is kept. */
const KEPT_DAYS = 30;

/** Notes something to tell: new, or counted up; a higher level than before is told at once. */
export async function recordNotice(manager: EntityManager, notice: Notice): Promise<void> {
  const hash = textHash(notice.subject);
  if (notice.resolves !== undefined)
    await rows(manager, `delete from notification where kind = any($1) and subject_hash = $2`, [
      [notice.resolves].flat(),
      hash,
    ]);
  await rows(
    manager,
    `insert into notification as old (id, kind, subject, subject_hash, level, happened, tried, advice, workflow_id,
       first_at, last_at, count, tell_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), now(), 1, now())
     on conflict (kind, subject_hash) do update set
       level = excluded.level, happened = excluded.happened, tried = excluded.tried, advice = excluded.advice,
       workflow_id = excluded.workflow_id, last_at = now(), count = old.count + 1,
       tell_at = case when ${rank('excluded.level')} > ${rank('old.level')} then now() else old.tell_at end`,
    [
      uniqueId(),
      notice.kind,
      notice.subject,
      hash,
      notice.level,
      notice.happened,
      notice.tried ?? null,
      notice.advice ?? null,
      notice.workflowId ?? null,
    ],
  );
}

/**
 * Hands what is due to the channels that it goes to.
 *
 * @returns how many notices were handed on
 */
export async function dispatch(
  manager: EntityManager,
  channels: readonly Routing[],
  repeatSeconds: number,
): Promise<number> {
  const due = await rows<DueRow>(
    manager,
    `select id, kind, subject, level, happened, tried, advice, workflow_id as "workflowId", count, first_at as "firstAt", last_at as "lastAt"
     from notification where told_count < count and tell_at <= now() order by tell_at limit ${AT_ONCE} for update skip locked`,
  );
  for (const { id, ...facts } of due) {
    const notice = told(facts);
    for (const channel of channelsFor(notice, channels))
      await rows(
        manager,
        `insert into notification_delivery (id, notification_id, channel, level, notice, due_at) values ($1, $2, $3, $4, $5, now())`,
        [uniqueId(), id, channel, notice.level, JSON.stringify(notice)],
      );
  }
  await rows(
    manager,
    `update notification set told_count = count, tell_at = now() + make_interval(secs => $2) where id = any($1::uuid[])`,
    [due.map(({ id }) => id), repeatSeconds],
  );
  // What was quiet for two windows is over: it begins to count anew.
  await rows(
    manager,
    `delete from notification where told_count = count and tell_at < now() - make_interval(secs => $1)`,
    [repeatSeconds],
  );
  return due.length;
}

/**
 * Takes what a channel may send now; whoever takes it sends it and reports with {@link recordSent} or {@link recordNotSent}. Not reported, it
 * falls to the next taker after a while.
 */
export async function claim(
  manager: EntityManager,
  channel: string,
  perHour: number,
): Promise<OutgoingMessage[]> {
  await lock(manager, `notification channel ${channel}`);
  const messages: OutgoingMessage[] = [];
  for (const critical of [true, false]) {
    const waiting = await rows<WaitingDelivery & DeliveryRow>(
      manager,
      `select id, held, message_id as "messageId", level, notice, attempts from notification_delivery
       where state = 'waiting' and channel = $1 and due_at <= now() and (level = 'critical') = $2
       order by created_at, id limit ${AT_ONCE}`,
      [channel, critical],
    );
    if (waiting.length === 0) continue;
    const ready = waiting.map((one) => ({ ...one, messageId: one.messageId ?? undefined }));
    const plan = batches(ready, perHour - (await sentLately(manager, channel, critical)));
    if (plan.held.length > 0)
      await rows(manager, `update notification_delivery set held = true where id = any($1::uuid[])`, [
        plan.held.map(({ id }) => id),
      ]);
    for (const deliveries of plan.messages) messages.push(await take(manager, channel, deliveries));
  }
  return messages;
}

/** Messages of the last hour, those under way included. */
async function sentLately(manager: EntityManager, channel: string, critical: boolean): Promise<number> {
  const found = await row<{ count: number }>(
    manager,
    `select count(distinct message_id)::integer as count from notification_delivery
     where channel = $1 and (level = 'critical') = $2 and message_id is not null and (
       (state = 'sent' and ended_at > now() - interval '1 hour') or (state = 'waiting' and due_at > now()))`,
    [channel, critical],
  );
  return found?.count ?? 0;
}

async function take(
  manager: EntityManager,
  channel: string,
  deliveries: (WaitingDelivery & DeliveryRow)[],
): Promise<OutgoingMessage> {
  const id = deliveries[0]?.messageId ?? uniqueId();
  await rows(
    manager,
    `update notification_delivery set message_id = $2, attempts = attempts + 1, due_at = now() + interval '${LEASE_SECONDS} seconds'
     where id = any($1::uuid[])`,
    [deliveries.map((one) => one.id), id],
  );
  return {
    id,
    channel,
    level: highestLevel(deliveries.map(({ level }) => level)),
    notices: deliveries.map(({ notice }) => notice),
    attempt: (deliveries[0]?.attempts ?? 0) + 1,
  };
}

export async function recordSent(manager: EntityManager, messageId: string): Promise<void> {
  await rows(
    manager,
    `update notification_delivery set state = 'sent', ended_at = now(), error = null where message_id = $1 and state = 'waiting'`,
    [messageId],
  );
  await rows(
    manager,
    `delete from notification_delivery where state <> 'waiting' and ended_at < now() - interval '${KEPT_DAYS} days'`,
  );
}

/** @param again seconds until the next try; given up where absent */
export async function recordNotSent(
  manager: EntityManager,
  messageId: string,
  error: string,
  again: number | undefined,
): Promise<void> {
  await rows(
    manager,
    again === undefined
      ? `update notification_delivery set state = 'failed', ended_at = now(), error = $2 where message_id = $1 and state = 'waiting'`
      : `update notification_delivery set error = $2, due_at = now() + make_interval(secs => $3) where message_id = $1 and state = 'waiting'`,
    again === undefined ? [messageId, error] : [messageId, error, again],
  );
}

/** How a channel fares, for `cdt notify list`. */
export interface ChannelState {
  channel: string;
  /** Waiting deliveries, those held back for the limit included. */
  waiting: number;
  held: number;
  /** Of the last 30 days. */
  sent: number;
  failed: number;
  lastError?: string;
  /** ISO 8601. */
  lastSentAt?: string;
}

export async function channelStates(manager: EntityManager): Promise<ChannelState[]> {
  const found = await rows<
    Omit<ChannelState, 'lastError' | 'lastSentAt'> & { lastError: string | null; lastSentAt: Date | null }
  >(
    manager,
    `select channel, count(*) filter (where state = 'waiting')::integer as waiting,
       count(*) filter (where state = 'waiting' and held)::integer as held,
       count(*) filter (where state = 'sent')::integer as sent, count(*) filter (where state = 'failed')::integer as failed,
       (array_agg(error order by created_at desc) filter (where error is not null))[1] as "lastError",
       max(ended_at) filter (where state = 'sent') as "lastSentAt"
     from notification_delivery group by channel order by channel`,
  );
  return found.map((one) => ({
    ...one,
    lastError: one.lastError ?? undefined,
    lastSentAt: one.lastSentAt?.toISOString(),
  }));
}

interface DeliveryRow {
  level: NotificationLevel;
  notice: ToldNotice;
  attempts: number;
}

interface DueRow {
  id: string;
  kind: string;
  subject: string;
  level: NotificationLevel;
  happened: string;
  tried: string | null;
  advice: string | null;
  workflowId: string | null;
  count: number;
  firstAt: Date;
  lastAt: Date;
}

function told({ tried, advice, workflowId, firstAt, lastAt, ...facts }: Omit<DueRow, 'id'>): ToldNotice {
  return {
    ...facts,
    tried: tried ?? undefined,
    advice: advice ?? undefined,
    workflowId: workflowId ?? undefined,
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
  };
}

function rank(level: string): string {
  return `array_position(array['info', 'warning', 'critical'], ${level})`;
}
