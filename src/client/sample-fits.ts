/** As much of FITS 4.0 as the sample observation needs: one image, its header, and the two checksums. */

const BLOCK = 2880;
const CARD = 80;
const ALL_ONES = 2 ** 32 - 1;
const NO_CHECKSUM = '0'.repeat(16);

export type CardValue = string | number | boolean;
/** Keyword, value and comment. */
export type Card = [keyword: string, value: CardValue, comment: string];

/** The header of a file that holds one image: these cards, `DATASUM`, `CHECKSUM` and `END`, filled up to whole blocks. */
export function fitsHeader(cards: Card[], dataSum: number): Buffer {
  const withSums = (checksum: string): Buffer => {
    const all: Card[] = [
      ...cards,
      ['DATASUM', dataSum.toString(), 'checksum of the data'],
      ['CHECKSUM', checksum, 'checksum of header and data'],
    ];
    const text = `${all.map(formatCard).join('')}${'END'.padEnd(CARD)}`;
    return Buffer.from(text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK), 'latin1');
  };
  const sum = addSums(sumWords(withSums(NO_CHECKSUM)), dataSum);
  return withSums(encodeChecksum(ALL_ONES - sum));
}

/** The zeros that fill the last block of this many bytes of data. */
export function fitsPadding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

/** The ones' complement sum of big-endian 32-bit words. */
export function sumWords(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum = addSums(sum, bytes.readUInt32BE(at));
  return sum;
}

/** Adds sums; any whole number that a double holds exactly may be given. */
export function addSums(a: number, b: number): number {
  const sum = a + b;
  return sum > ALL_ONES ? sum % ALL_ONES || ALL_ONES : sum;
}

function formatCard([keyword, value, comment]: Card): string {
  const text =
    typeof value === 'string'
      ? `'${value.replaceAll("'", "''").padEnd(8)}'`.padEnd(20)
      : formatScalar(value).padStart(20);
  return `${keyword.padEnd(8)}= ${text} / ${comment}`.slice(0, CARD).padEnd(CARD);
}

function formatScalar(value: number | boolean): string {
  if (typeof value === 'boolean') return value ? 'T' : 'F';
  return value.toString().replace('e', 'E');
}

/** The 16 characters that stand for a complement: each of its bytes as four letters or digits that add up to it. */
function encodeChecksum(value: number): string {
  const characters = new Array<number>(16).fill(0);
  for (let byte = 0; byte < 4; byte += 1) {
    const number = Math.floor(value / 2 ** (24 - 8 * byte)) % 256;
    const quarter = Math.floor(number / 4) + 0x30;
    const parts = [quarter + (number % 4), quarter, quarter, quarter];
    while (parts.some(isPunctuation)) evenOut(parts);
    // The value begins one byte before a word does, hence the place one further on.
    parts.forEach((part, index) => (characters[(4 * index + byte + 1) % 16] = part));
  }
  return String.fromCharCode(...characters);
}

/** Moves one from a part to its neighbour where either is punctuation; their sum stays. */
function evenOut(parts: number[]): void {
  for (let index = 0; index < parts.length; index += 2) {
    const [first = 0, second = 0] = parts.slice(index, index + 2);
    if (isPunctuation(first) || isPunctuation(second)) parts.splice(index, 2, first + 1, second - 1);
  }
}

function isPunctuation(code: number): boolean {
  return (code > 0x39 && code < 0x41) || (code > 0x5a && code < 0x61);
}
