import {
  BBCPError,
  ChecksumVerificationError,
  ConfigurationError,
  DataCorruptionError,
  DestinationFileExistsError,
  NetworkError,
  PermanentError,
  SegmentationFaultError,
  StorageError,
  type CCATDataOperationError,
  type ErrorDetails,
} from '../exceptions.js';
import { parseBbcpLine } from './bbcp-lines.js';
import { printable } from './printable.js';
import { withoutSecrets } from './secret.js';

/** What bbcp, ssh or a shell at the other end writes, and what it means. The first that matches a line of the output counts. */
const CAUSES: { says: RegExp; Class: typeof CCATDataOperationError; advice: string; delay?: number }[] = [
  {
    says: /^bbcp: .+ source checksum \S+ does not match /,
    Class: DataCorruptionError,
    advice: 'The source is not what its digest says: make the package anew.',
  },
  {
    says: /^bbcp: .+ target checksum \S+ does not match |^bbcp: .+ xfr checksum error at offset /,
    Class: ChecksumVerificationError,
    advice: 'Bytes were damaged on the way; the file is sent again.',
  },
  {
    says: /segmentation fault|killed via signal (?:11|SEGV)\b/i,
    Class: SegmentationFaultError,
    advice: 'It is tried again by itself. If it stays so, try fewer streams or another version of bbcp.',
  },
  {
    says: /^bbcp: (?:Insufficient space |No space left on device |Disk quota exceeded )/,
    Class: StorageError,
    advice: 'Free space at the target; the work goes on by itself.',
    delay: 30,
  },
  {
    says: /^bbcp: File .+ (?:already exists\.$|.*append not possible)|^bbcp: Cannot append to /,
    Class: DestinationFileExistsError,
    advice: 'Something else has this name at the target, or a copy that was cut off.',
  },
  {
    says: /^\S+: Permission denied \([a-z,-]+\)|^Host key verification failed/,
    Class: ConfigurationError,
    advice: 'Correct user, key and known_hosts of the route.',
  },
  {
    says: /: (?:No such file or directory|command not found|not found|Permission denied)$/,
    Class: ConfigurationError,
    advice: 'Install bbcp at this end and at the other, or correct its path in the route.',
  },
  {
    says: /^ssh: (?:connect to host|Could not resolve hostname) |^(?:kex_exchange_identification|Connection (?:closed|reset|timed out)|client_loop: )/,
    Class: NetworkError,
    advice:
      'It is tried again by itself. If it stays so, look at the line, the host name and the SSH server.',
  },
  {
    says: /^bbcp: (?:Connection (?:refused|reset|timed out)|No route to host|Network is unreachable|.*\btimed out\b|Unable to (?:connect|allocate))/,
    Class: NetworkError,
    advice: 'The data connections do not come through: look at the firewall and at the ports of the route.',
  },
  {
    says: /^bbcp: (?:Permission denied |Operation not permitted |Read-only file system )/,
    Class: PermanentError,
    advice: 'The user of the route may not do this: correct the permissions.',
  },
  {
    says: /^bbcp: (?:No such file or directory |Target directory .+ not found|.+ is a directory\.$)/,
    Class: PermanentError,
    advice: 'A file or a folder that must be there is missing, or is of the other kind.',
  },
  {
    says: /^bbcp: (?:Invalid |Copy (?:arguments|source|target) not specified|Missing |Unable to find |.* are mutually exclusive)/,
    Class: ConfigurationError,
    advice: 'bbcp does not take what the route sets.',
  },
];

/** What tells of damage makes a failure also of a run that ended well. */
const DAMAGE = CAUSES.slice(0, 2);
const SEGMENTATION_FAULT_EXIT = 139;
const QUOTED_LINES = 3;

/** Why a run of bbcp failed; undefined where it did not, or has not ended. */
export function bbcpFailure(
  lines: string[],
  run: { exitCode?: number | null; signal?: string | null; subject?: string },
): CCATDataOperationError | undefined {
  const { exitCode, signal } = run;
  const running = exitCode === undefined && (signal === undefined || signal === null);
  const causes = exitCode === 0 || running ? DAMAGE : CAUSES;
  for (const cause of causes) {
    const line = lines.find((one) => cause.says.test(one));
    if (line === undefined) continue;
    const details = { advice: cause.advice, retryAfterSeconds: cause.delay };
    return failure(cause.Class, line, run, details);
  }
  if (exitCode === 0 || running) return undefined;
  const crashed = exitCode === SEGMENTATION_FAULT_EXIT || signal === 'SIGSEGV';
  return failure(crashed ? SegmentationFaultError : BBCPError, lastWords(lines), run, {
    advice: 'It is tried again by itself. If it stays so, look at the output of bbcp.',
  });
}

function failure(
  Class: typeof CCATDataOperationError,
  words: string,
  { exitCode, signal, subject }: { exitCode?: number | null; signal?: string | null; subject?: string },
  details: ErrorDetails,
): CCATDataOperationError {
  const end = typeof exitCode === 'number' ? `exit code ${exitCode}` : `signal ${signal ?? 'unknown'}`;
  const said = printable(withoutSecrets(words.replace(/^bbcp: /, '')));
  return new Class(`bbcp failed (${end})${said === '' ? ', and said nothing' : `: ${said}`}`, {
    ...details,
    subject,
    context: { exitCode: exitCode ?? null, signal: signal ?? null },
  });
}

/** The last lines that are neither progress nor statistics. */
function lastWords(lines: string[]): string {
  const telling = lines.filter(
    (line) =>
      line.trim() !== '' &&
      parseBbcpLine(line) === undefined &&
      !/^(?:Source|Target) \S+(?: using |=)|^(?:Source|Target) cpu=|^\d+ buffers? used/.test(line),
  );
  return telling.slice(-QUOTED_LINES).join('; ').slice(0, 500);
}
