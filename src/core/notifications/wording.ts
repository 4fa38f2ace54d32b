import { printable } from '../utilities/printable.js';
import type { OutgoingMessage, ToldNotice } from './notice.js';

export interface Wording {
  /** One line, at most {@link TITLE_LENGTH} characters. */
  title: string;
  /** Plain text of some lines. */
  text: string;
}

/** Where the Temporal UI is; without it, workflows are named and not linked to. */
export interface Links {
  temporalUi?: string;
  namespace: string;
}

const TITLE_LENGTH = 160;
/** Of one field: messages come from anywhere, and a page of them helps nobody. */
const FIELD_LENGTH = 2000;
/** Notices of a summary that are told by name. */
const LISTED = 30;

/** A message in words: what happened, to what, what was tried, what to do, and where to look. */
export function wording(message: OutgoingMessage, links: Links): Wording {
  const [first, ...others] = message.notices;
  if (first === undefined) return { title: 'cdt', text: '' };
  return others.length === 0 ? one(first, links) : summary(message, links);
}

/** The page of a workflow in the Temporal UI. */
export function workflowLink(workflowId: string, { temporalUi, namespace }: Links): string | undefined {
  if (temporalUi === undefined) return undefined;
  const path = `namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return `${temporalUi.replace(/\/+$/, '')}/${path}`;
}

function one(notice: ToldNotice, links: Links): Wording {
  const again = notice.count > 1 ? ` (${notice.count} times since ${notice.firstAt})` : '';
  const lines = [
    `What happened: ${field(notice.happened)}${again}`,
    `To what: ${field(notice.subject)}`,
    ...(notice.tried === undefined ? [] : [`What was tried: ${field(notice.tried)}`]),
    ...(notice.advice === undefined ? [] : [`What to do: ${field(notice.advice)}`]),
    ...(notice.workflowId === undefined
      ? []
      : [`Where to look: ${workflowLink(notice.workflowId, links) ?? `workflow ${notice.workflowId}`}`]),
    `When: ${notice.lastAt}`,
    `(${notice.level}, ${notice.kind})`,
  ];
  return { title: title(notice.level, `${words(notice.kind)}: ${notice.subject}`), text: lines.join('\n') };
}

function summary(message: OutgoingMessage, links: Links): Wording {
  const { notices, level } = message;
  const listed = notices.slice(0, LISTED).map((notice) => {
    const times = notice.count > 1 ? ` (${notice.count} times)` : '';
    const link = notice.workflowId === undefined ? undefined : workflowLink(notice.workflowId, links);
    const line = `- ${notice.level}, ${words(notice.kind)}: ${short(notice.subject)}: ${short(notice.happened)}${times}`;
    return link === undefined ? line : `${line}\n  ${link}`;
  });
  const more = notices.length - listed.length;
  return {
    title: title(level, `${notices.length} notifications that were held back`),
    text: [
      `${notices.length} notifications came faster than this channel is told, and are told together:`,
      ...listed,
      ...(more > 0 ? [`and ${more} more: \`cdt problems\` and \`cdt waiting\` list what is open`] : []),
    ].join('\n'),
  };
}

function title(level: string, text: string): string {
  return `[cdt ${level}] ${printable(text)}`.slice(0, TITLE_LENGTH);
}

function words(kind: string): string {
  return kind.replaceAll('_', ' ');
}

function field(text: string): string {
  const clean = printable(text);
  return clean.length > FIELD_LENGTH ? `${clean.slice(0, FIELD_LENGTH)}…` : clean;
}

function short(text: string): string {
  const clean = printable(text);
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}
