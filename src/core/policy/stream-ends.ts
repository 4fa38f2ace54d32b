import type { Route } from '../database/records.js';

/** Where a stream route's connections are accepted unless its options say otherwise. */
export const STREAM_PORT = 5033;

/** The end of a route that accepts connections, as the other one reaches it. */
export interface Door {
  /** Whose worker listens there. */
  site: string;
  host: string;
  port: number;
}

/** The end of a stream route that listens. */
export function doorOf({ origin, destination, options }: Route): Door {
  return {
    site: listensAt({ origin, destination, options }),
    host: options.host ?? '',
    port: options.port ?? STREAM_PORT,
  };
}

function listensAt({
  origin,
  destination,
  options,
}: Pick<Route, 'origin' | 'destination' | 'options'>): string {
  return options.listener === 'origin' ? origin : destination;
}

/** What a site's workers do for the stream routes that begin or end there. */
export interface StreamEnds {
  /** Whether somebody dials them. */
  listens: boolean;
  /** Doors of sending sites that they dial, because those can't reach them; `active` where a route over it is. */
  dials: (Door & { active: boolean })[];
}

export function streamEnds(site: string, routes: readonly Route[]): StreamEnds {
  const ours = routes.filter((one) => isHop(one) && (one.origin === site || one.destination === site));
  const dials = new Map<string, Door & { active: boolean }>();
  for (const one of ours.filter((route) => route.destination === site && listensAt(route) !== site)) {
    const door = doorOf(one);
    const known = dials.get(keyOfDoor(door));
    dials.set(keyOfDoor(door), { ...door, active: one.active || known?.active === true });
  }
  return { listens: ours.some((one) => listensAt(one) === site), dials: [...dials.values()] };
}

/** One text for each door. */
export function keyOfDoor({ site, host, port }: Door): string {
  return `${site} at ${host}:${port}`;
}

/** Whether a site may send into a location of another one over a stream route, switched off or not: what is under way ends. */
export function leadsInto(
  routes: readonly Route[],
  from: string,
  to: { site: string; name: string },
): boolean {
  return routes.some(
    (one) =>
      isHop(one) &&
      one.origin === from &&
      one.destination === to.site &&
      (one.destinationLocation === undefined || one.destinationLocation === to.name),
  );
}

/** A relay's hops go over the routes of its stations. */
function isHop({ transport, routeType }: Route): boolean {
  return transport === 'stream' && routeType !== 'relay';
}
