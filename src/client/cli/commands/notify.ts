import type { Command } from 'commander';
import { loadConfiguration } from '../../../core/configuration.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import type { OutgoingMessage } from '../../../core/notifications/notice.js';
import { wording } from '../../../core/notifications/wording.js';
import { observabilitySettings } from '../../../core/observability-settings.js';
import { uniqueId } from '../../../core/utilities/unique-id.js';
import { operatorName } from '../../operator-name.js';
import { EXIT, type Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerNotify(program: Command, io: Io): void {
  const notify = program
    .command('notify')
    .summary('the channels over which people are told of what needs them');
  notify
    .command('test')
    .summary('send a test message over each channel, and tell what happened')
    .option('--channel <name>', 'over this channel only')
    .option(...JSON_OUTPUT, false)
    .action((flags: { channel?: string; json: boolean }) => sendTests(flags, io));
  notify
    .command('list')
    .summary('list the channels: what each is told, and how it fares')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action((flags: { json: boolean; dataDir?: string }) => listChannels(flags, io));
}

/** From this very process, past the limits: what is tested is the way to people. */
async function sendTests(flags: { channel?: string; json: boolean }, io: Io): Promise<void> {
  const { notifications } = observabilitySettings(loadConfiguration(io.environment));
  const wanted = notifications.channels.filter(
    ({ name }) => flags.channel === undefined || name === flags.channel,
  );
  if (wanted.length === 0)
    throw nothingToTest(
      flags.channel,
      notifications.channels.map(({ name }) => name),
    );
  const { makeChannel } = await import('../../../core/notifications/make-channel.js');
  const results: { channel: string; sent: boolean; answer?: string; error?: string; advice?: string }[] = [];
  for (const settings of wanted) {
    const message = testMessage(settings.name, operatorName());
    const links = { temporalUi: notifications.temporalUi, namespace: 'default' };
    try {
      const answer = await makeChannel(settings).send(message, wording(message, links));
      results.push({ channel: settings.name, sent: true, answer });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { advice } = error as { advice?: string };
      results.push({ channel: settings.name, sent: false, error: `${error.name}: ${error.message}`, advice });
    }
  }
  if (flags.json) io.out(`${JSON.stringify(results, null, 2)}\n`);
  else
    for (const { channel, sent, answer, error, advice } of results)
      io.out(
        sent
          ? `${channel}: sent (${answer ?? ''})\n`
          : `${channel}: not sent: ${error ?? ''}\n${advice === undefined ? '' : `  ${advice}\n`}`,
      );
  if (results.some(({ sent }) => !sent)) io.exit(EXIT.failed);
}

async function listChannels(flags: { json: boolean; dataDir?: string }, io: Io): Promise<void> {
  const { channels } = observabilitySettings(loadConfiguration(io.environment)).notifications;
  const states = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
    catalogue.notifications.channels(),
  );
  const names = [...new Set([...channels.map(({ name }) => name), ...states.map((one) => one.channel)])];
  const all = names.map((name) => {
    const settings = channels.find((one) => one.name === name);
    const {
      waiting = 0,
      held = 0,
      sent = 0,
      failed = 0,
      lastError,
      lastSentAt,
    } = states.find((one) => one.channel === name) ?? {};
    const { type, levels, kinds, exceptKinds } = settings ?? {};
    return {
      channel: name,
      type,
      levels,
      kinds,
      exceptKinds,
      waiting,
      held,
      sent,
      failed,
      lastError,
      lastSentAt,
    };
  });
  if (flags.json) io.out(`${JSON.stringify(all, null, 2)}\n`);
  else if (all.length === 0) io.out('there are no channels: everything is told in the log of the workers\n');
  else
    for (const one of all)
      io.out(
        `${one.channel}: ${one.type === undefined ? 'not configured here' : `${one.type}, told of ${one.levels?.join(', ') ?? ''}`}; ` +
          `sent ${one.sent}, waiting ${one.waiting} (held back ${one.held}), given up ${one.failed}` +
          `${one.lastError === undefined ? '' : `; last error: ${one.lastError}`}\n`,
      );
}

function testMessage(channel: string, by: string): OutgoingMessage {
  const now = new Date().toISOString();
  const notice = {
    level: 'info' as const,
    kind: 'test',
    subject: channel,
    happened: `${by} tests this channel; nothing is wrong`,
    advice: 'nothing',
    count: 1,
    firstAt: now,
    lastAt: now,
  };
  return { id: uniqueId(), channel, level: 'info', notices: [notice], attempt: 1 };
}

function nothingToTest(channel: string | undefined, known: string[]): ConfigurationError {
  const advice =
    known.length === 0
      ? 'name a file with channels in CCAT_DATA_TRANSFER_NOTIFICATIONS; docs/monitoring.md has an example'
      : `there are ${known.join(', ')}`;
  return new ConfigurationError(
    channel === undefined ? 'there are no channels to test' : `there is no channel ${channel}`,
    { subject: channel ?? 'notifications', advice },
  );
}
