import type { ValueTransformer } from 'typeorm';

/** Sizes and counts: the driver hands 64-bit integers over as text; no size of ours exceeds 2^53. */
export const asNumber: ValueTransformer = {
  to: (value: number | null) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};
