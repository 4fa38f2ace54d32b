import type { EntityManager } from 'typeorm';
import type { DataTransferPlan } from '../records.js';
import { rows } from './sql.js';

/** Transfers from one buffer that are not over at once. */
export const MOST_OPEN = 200;
/** Of those under way, so many are told again with each plan, whichever: a journey that was lost is taken up so. */
const TOLD_AGAIN = 20;
/** Names that a plan tells of one bundle. */
const MOST_NAMES = 20;

/** What has not begun, oldest first, and some of what is under way. */
export async function openTransfers(
  manager: EntityManager,
  originLocationId: string,
): Promise<DataTransferPlan[]> {
  return await plans(
    manager,
    `(select * from data_transfer where origin_location_id = $1 and completed_at is null and status = 'pending' order by created_at, id limit ${MOST_OPEN})
     union all
     (select * from data_transfer where origin_location_id = $1 and completed_at is null and status = 'in_progress' order by random() limit ${TOLD_AGAIN})`,
    originLocationId,
  );
}

/** One transfer as a planner hands it on. */
export async function transferPlan(
  manager: EntityManager,
  id: string,
): Promise<DataTransferPlan | undefined> {
  return (await plans(manager, 'select * from data_transfer where id = $1', id))[0];
}

async function plans(manager: EntityManager, which: string, parameter: string): Promise<DataTransferPlan[]> {
  return await rows(
    manager,
    `with open as (${which})
     select t.id, d.name, d.package_count as "packageCount", d.bytes::float8 as bytes,
       (array_agg(distinct u.name))[1:${MOST_NAMES}] as observations, (array_agg(p.name order by p.name))[1:${MOST_NAMES}] as packages,
       json_build_object('site', os.short_name, 'location', o.name) as origin,
       json_build_object('site', ts.short_name, 'location', target.name) as destination
     from open t
     join data_location o on o.id = t.origin_location_id join site os on os.id = o.site_id
     join data_location target on target.id = t.destination_location_id join site ts on ts.id = target.site_id
     join data_transfer_package d on d.id = t.data_transfer_package_id
     join data_transfer_item i on i.data_transfer_id = t.id
     join raw_data_package p on p.id = i.raw_data_package_id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     group by t.id, t.created_at, d.id, d.name, d.package_count, d.bytes, o.id, o.name, os.id, os.short_name, target.id, target.name,
       ts.id, ts.short_name
     order by t.created_at, t.id`,
    [parameter],
  );
}
