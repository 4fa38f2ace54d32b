import { prepare, PreparationError, say } from './prepare.mjs';

/** `npm run build`: installs what is missing, and builds in any case. */
try {
  await prepare({ builds: 'always' });
} catch (error) {
  if (!(error instanceof PreparationError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
