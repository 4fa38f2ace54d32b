import { styleText } from 'node:util';

/** Colours a text, or leaves it as it is. */
export interface Style {
  bold: (text: string) => string;
  dim: (text: string) => string;
  good: (text: string) => string;
  warn: (text: string) => string;
  bad: (text: string) => string;
}

const plain = (text: string): string => text;

/** The style for a stream: plain unless it is a terminal, and always where NO_COLOR is set (no-color.org). */
export function styleFor(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): Style {
  const wanted = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
  if (!wanted) return { bold: plain, dim: plain, good: plain, warn: plain, bad: plain };
  const as = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    styleText(format, text, { validateStream: false });
  return { bold: as('bold'), dim: as('dim'), good: as('green'), warn: as('yellow'), bad: as('red') };
}
