import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { root } from './prepare.mjs';

/** Bundles the built workflows into the one file that workers load. */
const { code } = await bundleWorkflowCode({
  workflowsPath: join(root, 'dist', 'src', 'workflows', 'index.js'),
  workflowInterceptorModules: [join(root, 'dist', 'src', 'workflows', 'log-attributes.js')],
  logger: new DefaultLogger('WARN'),
});
const target = join(root, 'dist', 'workflow-bundle.js');
writeFileSync(`${target}.new`, code);
renameSync(`${target}.new`, target);
