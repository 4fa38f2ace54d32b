import { readFile, rm } from 'node:fs/promises';
import type { FoundEntry, Location, PackageOrder } from '../core/database/records.js';
import { createPackage, resultPath } from '../core/package/create-package.js';
import type { PackageResult, RefusedEntry } from '../core/package/package-result.js';
import { scanSource as walkSource } from '../core/package/scan-source.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { diskPath, packageFile } from './places.js';
import { PackageError } from '../core/exceptions.js';
import { createLocalFolder } from '../core/utilities/folders.js';

export interface ScanResult {
  /** Entries seen. */
  entries: number;
  /** Entries registered for the first time, or changed since. */
  fresh: number;
  /** Entries that are still being written, as far as one can tell. */
  unquiet: number;
  /** Entries that can't be packaged for what they are. */
  refused: number;
}

export interface PackagingFacts {
  files: number;
  bytes: number;
  sha256: string;
  /** Files that were planned and are not in it. */
  refused: number;
  /** Where it was made; absent where it was recorded before. */
  bufferLocationId?: string;
  /** That the catalogue has it. Absent in the answers of workers from before 2026-12: their workflows call `recordRawDataPackage`. */
  recorded?: true;
}

export type PackagingActivities = ReturnType<typeof makePackagingActivities>;

const BATCH = 1000;
/** Refused entries of one scan that get a report each; the rest are counted in one more. */
const REPORTS = 20;
const SCAN = 'source_scan';

export function makePackagingActivities(dependencies: Dependencies) {
  const { catalogue, settings } = dependencies;

  return {
    /** Walks a source and registers what is there. Reads names and times only, except for FITS headers. */
    async scanSource(input: { site: string; location: string; quietSeconds?: number }): Promise<ScanResult> {
      return whileBusy(async (signal) => {
        const source = await catalogue.location(input.site, input.location);
        const quietSeconds = input.quietSeconds ?? (await settings.get('packaging.quiet_seconds', input));
        const result: ScanResult = { entries: 0, fresh: 0, unquiet: 0, refused: 0 };
        const refused: RefusedEntry[] = [];
        let batch: FoundEntry[] = [];
        const flush = async () => {
          const registered = await catalogue.registerEntries(source.id, batch, quietSeconds);
          result.fresh += registered.fresh + registered.changed;
          result.unquiet += registered.unquiet;
          batch = [];
        };
        const options = { signal, quietSeconds, now: Date.now() };
        for await (const findings of walkSource(diskPath(source), options)) {
          for (const found of findings) {
            if ('refused' in found) {
              result.refused += 1;
              if (refused.length < REPORTS) refused.push(found.refused);
              continue;
            }
            result.entries += 1;
            batch.push(found.entry);
            if (batch.length === BATCH) await flush();
          }
        }
        if (batch.length > 0) await flush();
        await reportRefused(source.id, `${source.site}.${source.name}`, refused, result.refused);
        return result;
      });
    },

    /**
     * Writes a package's tar and its result beside it into the buffer, reading each file of the source once, and records it. A repeat
     * finds what is written: an outage of the catalogue in between repeats the recording alone.
     */
    async createRawDataPackage(input: { packageId: string }): Promise<PackagingFacts> {
      const order = await whileBusy(() => catalogue.packageOrder(input.packageId));
      const { name, state, fileCount, bytes, sha256 } = order.package;
      // A repeat of work that is recorded already, perhaps long gone from this buffer.
      if (state !== 'creating' && bytes !== undefined && sha256 !== undefined)
        return { files: fileCount, bytes, sha256, refused: 0, recorded: true };
      const buffer = diskPath(order.buffer);
      // Made only where it never was: later a missing folder is a disk that is not mounted.
      if ((await catalogue.marks.of(order.buffer.id)).markedAt === undefined) await createLocalFolder(buffer);
      await requireDisk(catalogue, order.buffer, 'raw_data_package_creation');
      const bytesTotal = order.entries.reduce((sum, entry) => sum + entry.size, 0);
      const result = await whileBytesMove(
        dependencies,
        { operation: 'raw_data_package_creation', subject: name, bytesTotal },
        (options) =>
          createPackage({
            sourceRoot: diskPath(order.source),
            entries: order.entries,
            name,
            destination: packageFile(order.buffer, name),
            bagInfo: {
              'External-Identifier': order.package.id,
              'External-Description': `Raw data of ${order.package.executedObsUnit}, instrument module ${order.package.instrumentModule}, part ${order.package.part}`,
              'Source-Organization': order.source.site,
            },
            ...options,
          }),
      );
      await whileBusy(() => record(order, order.buffer, result));
      return {
        files: result.fileCount,
        bytes: result.bytes,
        sha256: result.sha256,
        refused: result.refused.length,
        bufferLocationId: order.buffer.id,
        recorded: true,
      };
    },

    /** Records a package that an earlier version only wrote, in the buffer where it was made: it may have been planned into another one since. */
    async recordRawDataPackage(input: { packageId: string; bufferLocationId?: string }): Promise<void> {
      await whileBusy(async () => {
        const order = await catalogue.packageOrder(input.packageId);
        if (order.package.state !== 'creating') return;
        const buffer =
          input.bufferLocationId === undefined
            ? order.buffer
            : await catalogue.locationById(input.bufferLocationId);
        const result = JSON.parse(
          await readFile(resultPath(packageFile(buffer, order.package.name)), 'utf8'),
        ) as PackageResult;
        await record(order, buffer, result);
      });
    },
  };

  /** Records a package that lies in a buffer; one transaction, the same however often it runs. */
  async function record(
    { package: { id, name } }: PackageOrder,
    buffer: Location,
    result: PackageResult,
  ): Promise<void> {
    const tar = packageFile(buffer, name);
    await catalogue.recordPackageCreated(id, result, buffer.id);
    if (result.members.length === 0) {
      await rm(tar, { force: true });
      await rm(resultPath(tar), { force: true });
    }
    await dependencies.wakePlanner('data_transfer_package_creation', {
      site: buffer.site,
      location: buffer.name,
    });
  }

  /** Tells what a source holds that can't be packaged, and takes back what is no longer so. */
  async function reportRefused(
    sourceLocationId: string,
    source: string,
    refused: RefusedEntry[],
    total: number,
  ): Promise<void> {
    const about = { operation: SCAN, errorClass: PackageError.name, sourceLocationId };
    const reports = refused.map((entry) => ({
      ...about,
      subject: entry.path,
      message: entry.reason,
      advice:
        'It is not archived and not deleted. Remove it from the source, or store its content as a regular file.',
    }));
    if (total > refused.length) {
      reports.push({
        ...about,
        subject: source,
        message: `${total - refused.length} further entries can't be packaged`,
        advice: 'Clear the ones that are listed; the next scan lists more.',
      });
    }
    const subjects = new Set(reports.map((report) => report.subject));
    for (const problem of await catalogue.openProblems(sourceLocationId)) {
      if (problem.operation === SCAN && !subjects.has(problem.subject))
        await catalogue.resolveProblems({ operation: SCAN, subject: problem.subject });
    }
    for (const report of reports) await catalogue.reportProblem(report);
  }
}
