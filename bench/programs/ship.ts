import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPackage } from '../../src/core/package/create-package.js';
import { scanSource } from '../../src/core/package/scan-source.js';
import { verifyPackage } from '../../src/core/package/verify-package.js';

/**
 * Small files over the link as the product moves them: one package of a source's files, sent, then read back where it arrived and
 * checked, whole and file by file. The far end's disk is this machine's.
 */
