import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent } from '../utilities/disk.js';
import type { StoredObject } from './archive-store.js';
import { LOCATION_MARKER } from './location-marker.js';

const PAGE = 1000;

/** The regular files below a directory, a page at a time; keys are their paths below it. The marker of the disk is none of them. */
export async function* listDirectory(root: string, signal?: AbortSignal): AsyncGenerator<StoredObject[]> {
  let page: StoredObject[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await ifPresent(opendir(join(root, folder)));
    for await (const entry of entries ?? []) {
      signal?.throwIfAborted();
      const key = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(key);
      if (!entry.isFile() || key === LOCATION_MARKER) continue;
      const found = await ifPresent(lstat(join(root, key)));
      if (found !== undefined) page.push({ key, bytes: found.size, lastModified: found.mtime.toISOString() });
      if (page.length < PAGE) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}
