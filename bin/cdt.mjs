#!/usr/bin/env node
import { prepare, PreparationError, say } from './prepare.mjs';

/** `npm start` and `npx cdt`: makes the repository ready where it is not, then hands over to the command line. */
async function run() {
  try {
    await prepare();
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    say(error.message);
    return 1;
  }
  const { main } = await import('../dist/src/client/cli/main.js');
  return main(process.argv.slice(2));
}

const code = await run();
// A pipe may still hold output; nothing else may keep the process alive.
process.stdout.write('', () => process.exit(code));
