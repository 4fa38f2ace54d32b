import ssh2 from 'ssh2';
import {
  CCATDataOperationError,
  ConfigurationError,
  DataTransferError,
  NetworkError,
  PermanentError,
  StorageError,
  type ErrorDetails,
} from '../exceptions.js';
import { printable } from './printable.js';

const { STATUS_CODE } = ssh2.utils.sftp;

/** What an SSH client throws: `level` says in which layer it happened, `code` is a socket's or a disconnect reason. */
interface SshError extends Error {
  level?: string;
  code?: string | number;
}

/**
 * The class of an error of an SSH connection: refused keys and ciphers need a person (ConfigurationError), all else is
 * the line's or the server's state of the moment (NetworkError).
 *
 * @param server as an operator would name it
 */
export function classifySshError(error: Error, server: string): CCATDataOperationError {
  if (error instanceof CCATDataOperationError) return error;
  const { level, message } = error as SshError;
  const facts = { subject: server, cause: error };
  if (level === 'client-authentication') {
    return new ConfigurationError(`${server} refused our key: ${printable(message)}`, {
      ...facts,
      advice:
        "Add the public key to the user's authorized_keys there, or correct username and identityFile of the route.",
    });
  }
  if (level === 'handshake' && message.includes('no matching')) {
    return new ConfigurationError(`${server} and we have no algorithm in common: ${printable(message)}`, {
      ...facts,
      advice: 'Compare the algorithms that the server offers, and the types of its keys in known_hosts.',
    });
  }
  return new NetworkError(`the connection to ${server} failed: ${printable(message)}`, {
    ...facts,
    advice:
      'It is tried again by itself. If it stays so, look at the line, the host name and the SSH server.',
  });
}

/** The class of a failed SFTP request, by the status that the server answered. */
export function classifySftpStatus(error: Error, subject: string): CCATDataOperationError {
  if (error instanceof CCATDataOperationError) return error;
  const { code } = error as SshError;
  const facts: ErrorDetails = {
    subject,
    cause: error,
    context: code === undefined ? {} : { sftpStatus: code },
  };
  const message = `${subject}: ${printable(error.message)}`;
  switch (code) {
    case STATUS_CODE.PERMISSION_DENIED:
      return new PermanentError(message, {
        ...facts,
        advice: 'The user of the route may not do this: correct the permissions there.',
      });
    case STATUS_CODE.NO_SUCH_FILE:
      return new PermanentError(message, {
        ...facts,
        advice: 'Something that must be there is missing at the destination.',
      });
    case STATUS_CODE.OP_UNSUPPORTED:
      return new ConfigurationError(message, {
        ...facts,
        advice: "Serve the destination with OpenSSH's SFTP server.",
      });
    case STATUS_CODE.FAILURE:
      return new StorageError(message, {
        ...facts,
        advice: 'The server gives no reason: look at its disk, quota and log.',
      });
    case STATUS_CODE.NO_CONNECTION:
    case STATUS_CODE.CONNECTION_LOST:
      return new NetworkError(message, facts);
    default:
      return new DataTransferError(message, facts);
  }
}
