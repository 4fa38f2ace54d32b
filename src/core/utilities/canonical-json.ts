import type { JsonValue } from '../exceptions.js';

/**
 * One text for one value: keys in the order of their UTF-16 code units, no white space, numbers and strings as JavaScript writes
 * them; the JSON Canonicalization Scheme (RFC 8785).
 */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
