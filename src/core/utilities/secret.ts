import { inspect } from 'node:util';

/** Values of this process that must not be seen; a handful, given by its configuration. */
const known = new Set<string>();
/** What is shorter stands in innocent text too. */
const SHORTEST = 6;

/** The text with every known secret value blacked out, as it is and as a URL would carry it. */
export function withoutSecrets(text: string): string {
  let result = text;
  for (const value of known) result = result.replaceAll(value, '***');
  return result;
}

/** A value that does not print: not in a message, not in JSON, not in a log. Only `reveal()` gives it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length < SHORTEST) return;
    known.add(value);
    known.add(encodeURIComponent(value));
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
