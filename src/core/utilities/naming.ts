import type { PathText } from './path-text.js';

const UNIT_LENGTH = 60;
const MODULE_LENGTH = 24;

/**
 * The name of a raw data package: readable by its observation and module, unique by the end of its id.
 * At most 120 characters of `A-Z a-z 0-9 . _ -`, starting with a letter or digit: safe as a file name, a key and an argument.
 */
export function packageName(of: {
  executedObsUnit: PathText;
  instrumentModule: string;
  part: number;
  id: string;
}): string {
  const unit = slug(of.executedObsUnit, UNIT_LENGTH) || 'unit';
  const module = slug(of.instrumentModule, MODULE_LENGTH) || 'module';
  return `${unit}_${module}_${String(of.part).padStart(3, '0')}_${tail(of.id)}`;
}

/** The name of a data transfer package, with the same promises as {@link packageName}. */
export function dataTransferPackageName(of: { origin: string; destination: string; id: string }): string {
  return `${of.origin}-to-${of.destination}_${tail(of.id)}`;
}

/** The last 48 bits of an id, which are random. */
function tail(id: string): string {
  return id.replaceAll('-', '').slice(-12);
}

function slug(text: string, length: number): string {
  const safe = text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return safe.slice(0, length).replace(/[^A-Za-z0-9]+$/, '');
}
