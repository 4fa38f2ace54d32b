import { CHECKSUMS, type ChecksumName } from './checksums.js';

/**
 * What a store does with a checksum that comes with an object.
 * - `checked`: one that is wrong is refused
 * - `ignored`: any is taken, also a wrong one: it proves nothing
 * - `refused`: an object that comes with one is not taken at all
 */
export type ChecksumTrust = 'checked' | 'ignored' | 'refused';

/** What an S3 store was found to do. Plain data: the catalogue keeps it as it is. */
export interface StoreCapabilities {
  checksums: Record<ChecksumName, ChecksumTrust>;
  /** The header Content-MD5. */
  contentMd5: ChecksumTrust;
  /** The digest of the body that the signature covers (`x-amz-content-sha256`). */
  signedPayload: ChecksumTrust;
  /** Whether it takes bodies that the signature does not cover; absent where it was probed before that was asked. */
  unsignedPayload?: boolean;
  /** Whether it tells the checksums of an object that it has. */
  tellsChecksums: boolean;
  /** Whether it takes what the AWS SDKs send unless told otherwise: a CRC in a header, or behind the body of a stream. */
  sdkDefaults: { header: boolean; trailer: boolean };
  /** Whether `If-None-Match: *` keeps an object from being overwritten: put at once, and put in parts. */
  conditionalPut: boolean;
  conditionalComplete: boolean;
  multipart: {
    works: boolean;
    /** Whether it tells unfinished uploads and the parts it has, so that an upload can go on. */
    lists: boolean;
    /** The checksums that it takes with parts: of the whole object, or one of the parts' checksums. */
    checksums: Record<ChecksumName, ('full_object' | 'composite')[]>;
    /** Bytes that every part but the last must have; 0 where it sets no limit that was met. */
    minPartBytes: number;
    /** Highest number of a part; absent where it took one beyond 10,000. */
    maxParts?: number;
  };
  ranges: boolean;
  /** Absent where our key may not ask. */
  versioning?: boolean;
  objectLock?: boolean;
  /** Objects of the probe that the store did not let us remove. */
  leftovers: number;
}

/** How our own objects are put into a store. */
export interface StoreMode {
  /** The checksum that the store checks for us of objects that are put at once; absent where it checks none. */
  checksum?: ChecksumName | 'MD5';
  /** That of parts. */
  partChecksum?: ChecksumName | 'MD5';
  /** Whether it takes bodies that the signature does not cover: their checksum is enough then. */
  takesUnsigned: boolean;
  tellsChecksums: boolean;
  conditionalPut: boolean;
  conditionalComplete: boolean;
  /** Whether an upload in parts can go on where it was cut off. */
  resumes: boolean;
}

/** For a store that nobody has probed: what Amazon S3 and the servers like it do. */
export const FULL_MODE: StoreMode = {
  checksum: 'SHA256',
  partChecksum: 'CRC32',
  takesUnsigned: true,
  tellsChecksums: true,
  conditionalPut: true,
  conditionalComplete: true,
  resumes: true,
};

/** The order in which we would have a store check an object; the slow one is left out. */
const WISHED = CHECKSUMS.filter((name) => name !== 'CRC64NVME');
/**
 * The same for parts. What is damaged on the way shall be sent again soon, which a CRC is enough for; that the object is the package is proved by the
 * SHA-256 of what is read back. The others cost both sides a processor.
 */
const WISHED_OF_PARTS: typeof WISHED = ['CRC32', 'SHA256', 'SHA1', 'CRC32C'];

/**
 * How to work with a store that can do this. Whatever it is, each object is read back and digested afterwards: what a store
 * checks only finds a mistake earlier.
 */
export function modeFor(able: StoreCapabilities): StoreMode {
  const isChecked = (name: ChecksumName) => able.checksums[name] === 'checked';
  const md5 = able.contentMd5 === 'checked' ? ('MD5' as const) : undefined;
  return {
    checksum: WISHED.find(isChecked) ?? md5,
    partChecksum:
      WISHED_OF_PARTS.find(
        (name) => isChecked(name) && able.multipart.checksums[name].includes('composite'),
      ) ?? md5,
    takesUnsigned: able.unsignedPayload === true,
    tellsChecksums: able.tellsChecksums,
    conditionalPut: able.conditionalPut,
    conditionalComplete: able.conditionalComplete,
    resumes: able.multipart.lists,
  };
}

/** What an operator should know of a store, one sentence each; empty for a store that does all that we wish. */
export function capabilityConcerns(able: StoreCapabilities): string[] {
  const ignored = CHECKSUMS.filter((name) => able.checksums[name] === 'ignored');
  const concerns: string[] = [];
  if (ignored.length > 0)
    concerns.push(
      `it takes objects with a wrong checksum (${ignored.join(', ')}): its own checks prove nothing`,
    );
  if (modeFor(able).checksum === undefined)
    concerns.push(
      'it checks no checksum of an object: damage on the way is found when the object is read back',
    );
  if (able.signedPayload === 'ignored')
    concerns.push('it takes bodies that are not the ones which were signed');
  if (!able.conditionalPut)
    concerns.push('it can not refuse to overwrite: two attempts at once may both write the same object');
  if (!able.multipart.works) concerns.push('it takes no uploads in parts: large packages can not be stored');
  else if (!able.multipart.lists)
    concerns.push('it does not tell the parts of an unfinished upload: one that was cut off starts anew');
  if (!able.ranges) concerns.push('it gives no ranges of an object: challenges read whole objects');
  if (able.leftovers > 0)
    concerns.push(
      `it did not let ${able.leftovers} small objects of the probe be removed (below ${PROBE_PREFIX})`,
    );
  return concerns;
}

/** What a store could do and can't any more, one sentence each: an upgrade or a change of its settings took it away. */
export function lostAbilities(before: StoreCapabilities, now: StoreCapabilities): string[] {
  const lost: string[] = CHECKSUMS.filter(
    (name) => before.checksums[name] === 'checked' && now.checksums[name] !== 'checked',
  ).map((name) => `it checks ${name} no more: it is ${now.checksums[name]}`);
  const flags: [string, (able: StoreCapabilities) => boolean][] = [
    ['check Content-MD5', (able) => able.contentMd5 === 'checked'],
    ['check the signed body', (able) => able.signedPayload === 'checked'],
    ['refuse to overwrite', (able) => able.conditionalPut],
    ['refuse to overwrite with an upload in parts', (able) => able.conditionalComplete],
    ['take uploads in parts', (able) => able.multipart.works],
    ['tell the parts of an unfinished upload', (able) => able.multipart.lists],
    ['give ranges of an object', (able) => able.ranges],
    ['keep versions', (able) => able.versioning ?? false],
    ['lock objects', (able) => able.objectLock ?? false],
  ];
  for (const [what, can] of flags) if (can(before) && !can(now)) lost.push(`it does not ${what} any more`);
  return lost;
}

/** Where a probe puts its objects; they are removed when it ends. */
export const PROBE_PREFIX = '.cdt-probe/';
