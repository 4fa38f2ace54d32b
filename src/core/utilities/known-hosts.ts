import { createHash, createHmac } from 'node:crypto';

/** What a known_hosts file says about the key that a host showed. */
export type HostKeyVerdict = 'trusted' | 'unknown' | 'changed' | 'revoked';

interface KnownKey {
  revoked: boolean;
  /** Type of the key, as `ssh-ed25519`. */
  type: string;
  /** The key in its wire format, base64. */
  key: string;
}

const STANDARD_PORT = 22;

/**
 * Judges a host's key by the text of a known_hosts file, as OpenSSH does with `StrictHostKeyChecking yes`: only a key that is listed
 * for this very host and port is trusted, and a revoked one never. Host certificates (`@cert-authority`) count for nothing.
 *
 * @param key in its wire format
 */
export function judgeHostKey(knownHosts: string, host: string, port: number, key: Buffer): HostKeyVerdict {
  const shown = key.toString('base64');
  const listed = keysOf(knownHosts, hostName(host, port));
  if (listed.some((known) => known.revoked && known.key === shown)) return 'revoked';
  const accepted = listed.filter((known) => !known.revoked);
  if (accepted.some((known) => known.key === shown)) return 'trusted';
  return accepted.length === 0 ? 'unknown' : 'changed';
}

/** The types of keys that are listed for a host: it must be asked for one of these, or its key could not be compared. */
export function knownKeyTypes(knownHosts: string, host: string, port: number): string[] {
  const accepted = keysOf(knownHosts, hostName(host, port)).filter((known) => !known.revoked);
  return [...new Set(accepted.map((known) => known.type))];
}

/** A key's fingerprint as ssh and ssh-keygen show it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** A host as known_hosts writes it: the port only where it is not the standard one. */
export function hostName(host: string, port: number): string {
  return port === STANDARD_PORT ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function keysOf(knownHosts: string, name: string): KnownKey[] {
  return knownHosts.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
    const [hosts, type, key] = fields;
    if (hosts === undefined || type === undefined || key === undefined || hosts.startsWith('#')) return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    return matches(hosts, name) ? [{ revoked: marker === '@revoked', type, key }] : [];
  });
}

/** Whether a line's first field is about a host: a hashed name, or patterns of which none that begins with `!` may match. */
function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, name);
  const patterns = hosts.split(',');
  const matching = patterns.filter((pattern) => toExpression(pattern.replace(/^!/, '')).test(name));
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith('!'));
}

/** `|1|salt|hash`, where the hash is HMAC-SHA1 of the name with the salt as its key. */
function matchesHash(hashed: string, name: string): boolean {
  const [, kind, salt, hash] = hashed.split('|');
  if (kind !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

function toExpression(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i');
}
