import { workContext } from '../decorators.js';
import { DataCorruptionError, DataTransferError, DestinationFileExistsError } from '../exceptions.js';
import { anySignal } from '../utilities/any-signal.js';
import { bbcpFailure } from '../utilities/bbcp-failure.js';
import { makeBbcpCommand } from '../utilities/bbcp.js';
import { BbcpProgress } from './bbcp-progress.js';
import { checkSource } from './read-source.js';
import { runBbcp } from './run-bbcp.js';
import { partName, sendFile } from './send-file.js';
import { SftpDestination } from './sftp-destination.js';
import { SftpLease, SftpPool } from './sftp-pool.js';
import type { SendRequest, SendResult, Transport, TransportTarget } from './transport.js';

export type BbcpTarget = Extract<TransportTarget, { transport: 'bbcp' }>;

const STREAMS = 16;
/** With 1 bbcp writes a hundred lines each second. */
const PROGRESS_SECONDS = 2;
const MOST_BYTES_PER_SECOND = 1024 ** 3;

/**
 * By the program bbcp, which must be installed at both ends and is started there over SSH. **It moves the bytes in the clear.**
 *
 * Everything but the bytes themselves goes over SFTP: what is there already, how much space, the final name. bbcp reads the file by itself, so
 * it is digested beside that, and nothing gets its final name before that digest is right. A copy that was cut off goes on where it stood, if
 * bbcp at the other end still knows it (`~/.bbcp` there, by this host's address); else it is cleared and begins anew.
 */
export class BbcpTransport implements Transport {
  readonly name = 'bbcp';
  readonly parallelSends: number;
  readonly #target: BbcpTarget;
  readonly #pool: SftpPool;

  constructor(target: BbcpTarget) {
    this.#target = target;
    // While one starts, which takes some round trips, the other fills the line; but each keeps the whole limit, where there is one.
    this.parallelSends = target.maxBytesPerSecond === undefined ? 2 : 1;
    this.#pool = new SftpPool(target);
  }

  send(request: SendRequest): Promise<SendResult> {
    return SftpLease.around(this.#pool, { signal: request.signal, more: 0 }, (lease) => {
      const destination = new BbcpDestination(lease, this.#target.directory);
      // Another transport's partial file is nothing that bbcp goes on with.
      const part = partName(request.name, request.sha256, '.bbcp');
      return sendFile(destination, request, { part, copy: () => this.#copy(destination, part, request) });
    });
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }

  async #copy(destination: SftpDestination, part: string, request: SendRequest): Promise<void> {
    const failure: Error | undefined = await this.#runAndDigest(destination.path(part), request);
    request.signal?.throwIfAborted();
    if (failure instanceof DataCorruptionError) throw failure;
    const size = await destination.size(part);
    // Another attempt was quicker and gave it its name, under this one's hands.
    if (size === undefined && (await destination.size(request.name)) === request.bytes) return;
    if (failure instanceof DestinationFileExistsError) throw await cleared(destination, part, failure);
    if (failure !== undefined) throw failure;
    if (size !== request.bytes) {
      const left = `bbcp left ${size ?? 'no'} bytes of ${request.name} instead of ${request.bytes}`;
      throw new DataTransferError(left, { subject: request.name });
    }
    await destination.settle(part);
    request.onProgress?.(request.bytes);
  }

  /** Answers with what went wrong first; by then both have ended. */
  async #runAndDigest(path: string, request: SendRequest): Promise<Error | undefined> {
    const stop = new AbortController();
    const signal = anySignal(stop.signal, request.signal);
    const orStop = (work: Promise<void>) => work.catch((error: unknown) => stop.abort(error));
    await Promise.all([
      orStop(this.#run(path, { ...request, signal })),
      orStop(checkSource({ ...request, signal })),
    ]);
    return stop.signal.reason as Error | undefined;
  }

  async #run(path: string, request: SendRequest & { signal: AbortSignal }): Promise<void> {
    const { note } = workContext() ?? {};
    const { program = 'bbcp' } = this.#target.bbcp ?? {};
    const args = this.#arguments(request.file, path);
    note?.(`${program} ${args.join(' ')}`);
    const progress = new BbcpProgress(request.bytes);
    let [told, percent]: [number, number | undefined] = [0, undefined];
    const end = await runBbcp(
      program,
      args,
      (line, event) => {
        // One of each percent is enough for the log.
        if (event?.kind !== 'progress' || event.percent !== percent) note?.(line);
        if (event?.kind === 'progress') percent = event.percent;
        if (event === undefined) return;
        const done = progress.after(event);
        if (done > told) request.onProgress?.((told = done));
      },
      request.signal,
    );
    const failure = bbcpFailure(end.lines, { ...end, subject: request.name });
    if (failure !== undefined) throw failure;
  }

  #arguments(file: string, path: string): string[] {
    const { host, username, port, identityFile, knownHostsFile, bbcp = {}, maxBytesPerSecond } = this.#target;
    const { remoteProgram, streams = STREAMS, windowBytes, ports, reverse } = bbcp;
    const [, ...args] = makeBbcpCommand(
      { path: file },
      { path, host, username },
      {
        ssh: { port, identityFile, knownHostsFile, program: remoteProgram },
        streams,
        windowBytes,
        ports,
        reverse,
        maxBytesPerSecond:
          maxBytesPerSecond && Math.min(Math.floor(maxBytesPerSecond), MOST_BYTES_PER_SECOND),
        progressSeconds: PROGRESS_SECONDS,
        existing: 'resume',
        flush: true,
      },
    );
    return args;
  }
}

/** bbcp writes in order, however many its streams are. */
class BbcpDestination extends SftpDestination {
  override readonly inDoubt = (): number => 0;
}

/** A partial file that bbcp does not go on with is removed: the next attempt begins anew. */
async function cleared(
  destination: SftpDestination,
  part: string,
  failure: DestinationFileExistsError,
): Promise<DestinationFileExistsError> {
  await destination.remove(part);
  return new DestinationFileExistsError(failure.message, {
    subject: failure.subject,
    advice: 'What was there of it has been removed; it is sent from the start.',
    context: failure.context,
    cause: failure,
  });
}
