import { join } from 'node:path';
import { checkPlainName } from '../utilities/disk.js';

/**
 * What lies where at a processing location:
 *
 *     packages/<package>/...   the files of one package, once, whoever asked for them; ours alone
 *     jobs/<job>/data/...      what a job asked for, in the instrument's own structure: hard links to the files above
 *     jobs/<job>/manifest-sha256.txt, job.json
 *     kept/...                 what we found changed where only we write, so did not remove
 *     work/<package>/...       files that are not whole yet
 */
export const stagedLayout = {
  packageFolder: (root: string, name: string) => join(root, 'packages', checkPlainName(name)),
  workFolder: (root: string, name: string) => join(root, 'work', checkPlainName(name)),
  jobFolder: (root: string, jobId: string) => join(root, 'jobs', checkPlainName(jobId)),
  unfinishedJobFolder: (root: string, jobId: string) => join(root, 'jobs', `.${checkPlainName(jobId)}.part`),
  keptFolder: (root: string) => join(root, 'kept'),
};

export const JOB_DOCUMENT = 'job.json';
export const JOB_DATA = 'data';
