import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { UpCommand, assertAllArchived, assertNothingRuns, cdt, killAll } from '../support/command.js';
import { withSmallDisk } from '../support/hostile-disk.js';
import { DataDirectory, writeFiles } from '../support/observatory.js';
import { withScratch } from '../support/scratch.js';

const SCREENSHOTS = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const UNIT = '2026-11-23T02-14-07_CHAI_Orion-KL';
const JOURNEYS = [
  'raw-data-package/',
  'data-transfer/',
  'data-transfer-unpacking/',
  'long-term-archive-transfer/',
  'deletion/',
];
const MB = 1_000_000;

test(
  'a person follows a package in the Temporal UI, sees in words what waits for a decision, and decides',
  { timeout: 8 * 60_000 },
  (t) =>
    withScratch(t, async (scratch) => {
      const [source, data] = [join(scratch, 'source'), join(scratch, 'data')];
      t.after(() => killAll(scratch));
      const directory = new DataDirectory(data);
      writeFiles(source, [`${UNIT}/a.dat`, `${UNIT}/b.dat`]);
      writeFiles(source, ['too large for now/c.dat'], 12 * MB);

      await withSmallDisk(join(data, 'sites', 'ccat', 'buffer'), 8 * MB, async (grow) => {
        const command = new UpCommand({ source, dataDirectory: data, once: false });
        await command.until(
          'what fits is archived',
          () => directory.archivedFiles() === 2 && directory.buffered().length === 0,
        );
        const browser = await chromium.launch({
          executablePath: EXECUTABLE,
          args: ['--headless', '--no-sandbox', ...QUIET],
        });
        t.after(() => browser.close());
        const ui = new TemporalUi(
          await browser.newPage({ viewport: { width: 1500, height: 1000 } }),
          directory.addresses().temporal.uiUrl,
        );

        await seeTheJourney(
          ui,
          directory
            .packageObjects()[0]!
            .split('/')
            .at(-1)!
            .replace(/\.tar$/, ''),
        );
        const workflowId = await seeWhatWaits(ui);
        grow(64 * MB);
        await cdt(['retry', workflowId, '--note', 'the disk is larger now', '--data-dir', data]);
        await command.until(
          'the rest is archived',
          () => directory.archivedFiles() === 3 && directory.buffered().length === 0,
        );
        await ui.list('nothing-waits', 'CdtState="waiting_for_operator"', 0);

        assertAllArchived(await command.stop());
        await assertNothingRuns(scratch);
      });
    }),
);

/** The way of a package: found as a whole by its name and by its observation, narrowed by site, operation and state, told in words. */
async function seeTheJourney(ui: TemporalUi, name: string): Promise<void> {
  for (const [picture, query] of [
    ['all', ''],
    ['by-package', `CdtPackage="${name}"`],
    ['by-observation', `CdtObservation="${UNIT}"`],
  ] as const) {
    await ui.list(picture, query);
    for (const kind of JOURNEYS) await ui.shows(kind);
  }
  await ui.list(
    'narrowed',
    'CdtSite="cologne" AND CdtOperation="long_term_archive_transfer" AND ExecutionStatus="Completed"',
    1,
  );
  await ui.open('long-term-archive-transfer/');
  await ui.tab('Search Attributes');
  for (const text of ['CdtSite', 'CdtOperation', 'CdtObservation', 'CdtPackage', name, UNIT])
    await ui.shows(text);
  await ui.picture('search-attributes');
  await ui.tab('User Metadata');
  for (const text of ['Summary', 'Current Details', /archived as .*read back and equal/])
    await ui.shows(text);
}

/** The one journey that waits for an operator, what it says, and its ID. */
async function seeWhatWaits(ui: TemporalUi): Promise<string> {
  await ui.list('waiting', 'CdtState="waiting_for_operator"', 1);
  const workflowId = await ui.open('raw-data-package/');
  await ui.tab('User Metadata');
  for (const text of ['Waiting for an operator', /space|large/i, `cdt retry ${workflowId}`])
    await ui.shows(text);
  await ui.picture('waiting-in-words');
  return workflowId;
}

/** What a person does with the UI: looks at lists, reads, and keeps a picture of it. */
class TemporalUi {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  /** Shows the workflows of a query; with a number, exactly so many. */
  async list(picture: string, query: string, rows?: number): Promise<void> {
    await this.page.goto(`${this.address}/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
    const row = this.page.locator('table tbody tr').filter({ hasText: '/' });
    if (rows === 0)
      await this.page
        .getByText(/no workflows|no results/i)
        .first()
        .waitFor();
    else await row.first().waitFor();
    await this.picture(picture);
    if (rows !== undefined) assert.equal(await row.count(), rows, `rows for ${query}`);
  }

  /** Opens the first workflow of the list whose ID starts so; returns its ID. */
  async open(start: string): Promise<string> {
    const link = this.page.locator('table tbody a').filter({ hasText: start }).first();
    const workflowId = (await link.innerText()).trim();
    await link.click();
    await this.page.waitForURL(/\/history/);
    return workflowId;
  }

  async tab(name: string): Promise<void> {
    await this.page.getByText(name, { exact: true }).first().click();
  }

  /** Waits until the page shows a text; the UI renders what workflows say in frames of their own. */
  async shows(text: string | RegExp): Promise<void> {
    const frames = [0, 1, 2].map((index) => this.page.locator('iframe').nth(index).contentFrame());
    const looks = [this.page, ...frames].map((place) =>
      place.getByText(text).first().waitFor({ timeout: 30_000 }),
    );
    await Promise.any(looks).catch((cause: unknown) => {
      throw new Error(`${this.page.url()} does not show ${String(text)}`, { cause });
    });
  }

  async picture(name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `temporal-ui-${name}.png`) });
  }
}
