import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The checksums that an S3 store may check while it takes an object (Amazon S3 User Guide, "Checking object integrity"). */
export const CHECKSUMS = ['SHA256', 'SHA1', 'CRC32C', 'CRC32', 'CRC64NVME'] as const;
export type ChecksumName = (typeof CHECKSUMS)[number];

/** Reversed polynomials: Castagnoli (RFC 3720, appendix B.4), and the one of the NVM Express specification. */
const CASTAGNOLI = 0x82f63b78;
const NVME = 0x9a6c9329ac4bc9b5n;
const ONES = 0xffffffffffffffffn;

const castagnoliTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CASTAGNOLI : value >>> 1;
  return value;
});

/** The checksum of some bytes as S3 writes it: base64, of CRCs the big-endian number. */
export function checksumOf(name: ChecksumName | 'MD5', bytes: Uint8Array): string {
  switch (name) {
    case 'SHA256':
    case 'SHA1':
    case 'MD5':
      return createHash(name).update(bytes).digest('base64');
    case 'CRC32':
      return bigEndian(BigInt(crc32(bytes)), 4);
    case 'CRC32C':
      return bigEndian(BigInt(crc32c(bytes)), 4);
    case 'CRC64NVME':
      return bigEndian(crc64nvme(bytes), 8);
  }
}

/** The SHA-256 of some bytes, itself bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The parameter, and the field of an answer, that hold a checksum in the client. */
export function checksumField<Name extends ChecksumName>(name: Name): `Checksum${Name}` {
  return `Checksum${name}`;
}

function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (castagnoliTable[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Bit by bit: only small bodies are ever given one of these. */
function crc64nvme(bytes: Uint8Array): bigint {
  let value = ONES;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ NVME : value >> 1n;
  }
  return value ^ ONES;
}

function bigEndian(value: bigint, length: number): string {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex').toString('base64');
}
