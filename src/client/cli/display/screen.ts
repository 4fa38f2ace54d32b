import { createLogUpdate } from 'log-update';
import { printable } from '../../../core/utilities/printable.js';
import { frame, summaryLine, type View } from './frame.js';
import { styleFor, type Style } from './style.js';

/** Without a terminal: no line more often than this, and one at least this often while work goes on. Milliseconds. */
const PLAIN_EVERY = 3_000;
const PLAIN_AT_LEAST = 30_000;

/** Where people watch: a block redrawn in place on a terminal, plain lines anywhere else. */
export interface Screen {
  readonly style: Style;
  /** Of the terminal; undefined where there is none. */
  readonly width: number | undefined;
  /** A line that stays. */
  line(text: string): void;
  /** The state of things now. */
  show(view: View): void;
  /** Leaves the last state standing; lines may follow. */
  end(): void;
}

/** The screen that fits the stream. */
export function screenFor(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Screen {
  const style = styleFor(stream, environment);
  return stream.isTTY && environment.TERM !== 'dumb' ? terminal(stream, style) : plainLines(stream, style);
}

/** How many columns a stream shows; undefined where it is no terminal. */
export function terminalWidth(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns : undefined;
}

function terminal(stream: NodeJS.WriteStream, style: Style): Screen {
  const update = createLogUpdate(stream, { showCursor: true });
  return {
    style,
    width: terminalWidth(stream),
    line: (text) => update.persist(printable(text)),
    show: (view) => update(frame(view, Math.max(40, stream.columns - 1), style).join('\n')),
    end: () => update.done(),
  };
}

function plainLines(stream: NodeJS.WritableStream, style: Style): Screen {
  let shown = { at: 0, text: '' };
  return {
    style,
    width: undefined,
    line: (text) => void stream.write(`${printable(text)}\n`),
    show: (view) => {
      const text = summaryLine(view);
      const now = Date.now();
      const changed = withoutClock(text) !== withoutClock(shown.text);
      if (now - shown.at < (changed ? PLAIN_EVERY : PLAIN_AT_LEAST)) return;
      shown = { at: now, text };
      stream.write(`${text}\n`);
    },
    end: () => undefined,
  };
}

function withoutClock(text: string): string {
  return text.slice(text.indexOf('|') + 1);
}
