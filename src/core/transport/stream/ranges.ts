/** Part of a file: from a byte up to, but not including, another. */
export interface Range {
  from: number;
  to: number;
}

/** Parts of a file that are there, in order and apart from each other. */
export class Ranges {
  readonly #ranges: Range[] = [];
  #bytes = 0;

  /** Bytes in all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a part, and says how many of its bytes are new. */
  add(from: number, to: number): number {
    if (to <= from) return 0;
    const first = this.#firstEndingAt(from);
    let end = first;
    let joined: Range = { from, to };
    let covered = 0;
    for (
      let range = this.#ranges[end];
      range !== undefined && range.from <= to;
      range = this.#ranges[++end]
    ) {
      covered += Math.max(0, Math.min(range.to, to) - Math.max(range.from, from));
      joined = { from: Math.min(joined.from, range.from), to: Math.max(joined.to, range.to) };
    }
    this.#ranges.splice(first, end - first, joined);
    this.#bytes += to - from - covered;
    return to - from - covered;
  }

  /** The parts up to a length that are not there. */
  missing(length: number): Range[] {
    const missing: Range[] = [];
    let at = 0;
    for (const { from, to } of this.#ranges) {
      if (from > at) missing.push({ from: at, to: Math.min(from, length) });
      at = to;
    }
    if (at < length) missing.push({ from: at, to: length });
    return missing.filter((range) => range.to > range.from);
  }

  /** Whether any byte of a part is there. */
  touches(from: number, to: number): boolean {
    const range = this.#ranges[this.#firstEndingAt(from + 1)];
    return from < to && range !== undefined && range.from < to;
  }

  /** Index of the first part that ends at this byte or behind it. */
  #firstEndingAt(at: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.to ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
