import { link, lstat, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { JOB_DATA, JOB_DOCUMENT, stagedLayout } from './layout.js';
import { MANIFEST, manifestLine } from '../package/bag.js';
import { SafeFolder } from '../package/safe-folder.js';
import { errorCode, joinBytes } from '../package/source-root.js';
import { classifyDiskError, removeIfPresent, syncDirectory, writeFileAtomically } from '../utilities/disk.js';
import { decodePath } from '../utilities/path-text.js';
import { removeEmptyFolders, removeMembers, type Removal, type StagedMember } from './staged-files.js';

/** A package of a job, as its folder shows it. */
export interface ViewedPackage {
  name: string;
  /** `site.location` that its files came from. */
  source: string;
  members: StagedMember[];
}

export interface JobView {
  /** Path of the processing location. */
  root: string;
  jobId: string;
  /** Whether the job has packages of several sources: each is a folder of its own then, since they may use the same names. */
  severalSources: boolean;
  /** The newest package first: of two versions of one file the newer is shown. */
  packages: () => AsyncIterable<ViewedPackage>;
}

export interface BuiltView {
  folder: string;
  files: number;
  bytes: number;
  /** Older versions of files, which are not shown: their place below `packages/`; the first hundred. */
  superseded: string[];
}

const MOST_SUPERSEDED = 100;

/**
 * Makes the folder that a job's files are found in: hard links in the instrument's own structure, a manifest for `sha256sum -c`, and
 * a document about the job. It is there whole or not at all; one that is there already is left as it is.
 *
 * @throws StorageError or PermanentError where the disk refuses
 */
export async function buildJobView(
  view: JobView,
  describe: (built: BuiltView) => Record<string, unknown>,
  signal?: AbortSignal,
): Promise<BuiltView> {
  const folder = stagedLayout.jobFolder(view.root, view.jobId);
  const part = stagedLayout.unfinishedJobFolder(view.root, view.jobId);
  try {
    const there = await isThere(folder);
    await rm(part, { recursive: true, force: true });
    await mkdir(join(part, JOB_DATA), { recursive: true, mode: 0o755 });
    const manifest = await open(join(part, MANIFEST), 'wx', 0o644);
    let built: Omit<BuiltView, 'folder'>;
    try {
      built = await linkAll(view, part, manifest, signal);
      await manifest.sync();
    } finally {
      await manifest.close();
    }
    if (there) {
      await rm(part, { recursive: true, force: true });
      return { ...built, folder };
    }
    const document = { ...describe({ ...built, folder }), superseded: built.superseded };
    await writeFileAtomically(join(part, JOB_DOCUMENT), `${JSON.stringify(document, null, 2)}\n`);
    await rename(part, folder);
    await syncDirectory(join(folder, '..'));
    return { ...built, folder };
  } catch (error) {
    signal?.throwIfAborted();
    throw classifyDiskError(error, { operation: 'staging', subject: folder });
  }
}

async function linkAll(
  view: JobView,
  part: string,
  manifest: FileHandle,
  signal?: AbortSignal,
): Promise<Omit<BuiltView, 'folder'>> {
  const built = { files: 0, bytes: 0, superseded: [] as string[] };
  const data = new SafeFolder(join(part, JOB_DATA));
  for await (const one of view.packages()) {
    const from = Buffer.from(stagedLayout.packageFolder(view.root, one.name));
    for (const member of one.members) {
      signal?.throwIfAborted();
      const path = shownPath(view, one, member);
      if (member.kind === 'directory') {
        await data.makeFolder(path);
        continue;
      }
      if (!(await linked(joinBytes(from, decodePath(member.path)), await data.place(path)))) {
        if (built.superseded.length < MOST_SUPERSEDED)
          built.superseded.push(`packages/${one.name}/${member.path}`);
        continue;
      }
      if (member.sha256 === undefined) continue;
      await manifest.writeFile(manifestLine(member.sha256, joinBytes(Buffer.from(JOB_DATA), path)));
      built.files += 1;
      built.bytes += member.size;
    }
  }
  for (const folder of data.folders) await syncDirectory(folder);
  return built;
}

/** Whether the link was made; not where a newer version has the name. */
async function linked(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes a job's folder away again: our links, the manifest and the document. What was changed or added by others stays where it is.
 *
 * @throws StorageError or PermanentError where the disk refuses
 */
export async function removeJobView(view: JobView, signal?: AbortSignal): Promise<Removal> {
  const folder = stagedLayout.jobFolder(view.root, view.jobId);
  await rm(stagedLayout.unfinishedJobFolder(view.root, view.jobId), { recursive: true, force: true });
  const removal = { removed: 0, kept: 0 };
  for await (const one of view.packages()) {
    const base = view.severalSources ? join(folder, JOB_DATA, one.source) : join(folder, JOB_DATA);
    const twin = () => stagedLayout.packageFolder(view.root, one.name);
    const { removed, kept } = await removeMembers(base, one.members, { twin, signal });
    removal.removed += removed;
    removal.kept += kept;
  }
  for (const name of [MANIFEST, JOB_DOCUMENT]) await removeIfPresent(join(folder, name));
  if (!(await removeEmptyFolders(Buffer.from(folder)))) removal.kept = Math.max(removal.kept, 1);
  return removal;
}

function shownPath(view: JobView, one: ViewedPackage, member: StagedMember): Buffer {
  const path = decodePath(member.path);
  return view.severalSources ? joinBytes(Buffer.from(one.source), path) : path;
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await lstat(folder);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
