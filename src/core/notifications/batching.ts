/** A notice that waits at a channel. */
export interface WaitingDelivery {
  id: string;
  held: boolean;
  /** Set from its first try on: what was tried as one message stays one. */
  messageId?: string;
}

/**
 * How a channel says what waits there while it may send `budget` more messages now: each on its own while the budget lasts; what is
 * over it is held back, and what was held back is told as one message as soon as there is a budget again.
 *
 * @returns the messages, each the deliveries in it, and what is held back
 */
export function batches<T extends WaitingDelivery>(
  waiting: T[],
  budget: number,
): { messages: T[][]; held: T[] } {
  if (budget <= 0) return { messages: [], held: waiting };
  const begun = new Map<string, T[]>();
  for (const one of waiting)
    if (one.messageId !== undefined) begun.set(one.messageId, [...(begun.get(one.messageId) ?? []), one]);
  const fresh = waiting.filter((one) => one.messageId === undefined);
  const together = fresh.some((one) => one.held) ? [fresh] : fresh.map((one) => [one]);
  const all = [...begun.values(), ...together];
  return { messages: all.slice(0, budget), held: all.slice(budget).flat() };
}
