import { ConfigurationError } from '../exceptions.js';
import { printable } from '../utilities/printable.js';

/**
 * Patterns over paths, as a shell has them: `*` and `?` stand for characters of one name, `**` for any number of folders too.
 * Everything else stands for itself.
 */

const WILDCARDS = /\*\*\/?|[*?]/g;
const LONGEST = 4096;

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * The pattern as a regular expression, in the part of the language that PostgreSQL and JavaScript share.
 *
 * @throws ConfigurationError for one that can't match any path below a source
 */
export function patternSource(pattern: string): string {
  const parts = pattern.split('/');
  if (
    pattern === '' ||
    pattern.length > LONGEST ||
    pattern.includes('\0') ||
    parts.some((part) => part === '' || part === '.' || part === '..')
  ) {
    throw new ConfigurationError(`${JSON.stringify(printable(pattern))} can't match any file`, {
      subject: printable(pattern),
      advice:
        'Write paths as they are below the source, such as OBSERVATION/raw/*.fits, without a / at the beginning or the end.',
    });
  }
  let source = '';
  let at = 0;
  for (const match of pattern.matchAll(WILDCARDS)) {
    source += literal(pattern.slice(at, match.index)) + (MEANING[match[0]] ?? '');
    at = match.index + match[0].length;
  }
  return `^${source}${literal(pattern.slice(at))}$`;
}

const MEANING: Record<string, string> = {
  '**/': '(?:(?:.|\\n)*/)?',
  '**': '(?:.|\\n)*',
  '*': '[^/]*',
  '?': '[^/]',
};

function literal(text: string): string {
  return text.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
}
