import type { HttpRequest } from '@smithy/types';

interface Stack {
  add(middleware: unknown, options: { step: 'build'; name: string }): void;
}

/**
 * Gives a command the SHA-256 of its body, so that the client need not compute it once more for the signature. The server checks it with
 * the signature (AWS Signature Version 4, `x-amz-content-sha256`).
 */
export function withPayloadDigest<Command extends { middlewareStack: object }>(
  command: Command,
  digest: Buffer,
): Command {
  const middleware =
    (next: (args: { request: HttpRequest }) => Promise<unknown>) =>
    (args: { request: HttpRequest }): Promise<unknown> => {
      args.request.headers['x-amz-content-sha256'] = digest.toString('hex');
      return next(args);
    };
  (command.middlewareStack as Stack).add(middleware, { step: 'build', name: 'payloadDigest' });
  return command;
}
