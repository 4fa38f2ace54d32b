import {
  CCATDataOperationError,
  ConfigurationError,
  NetworkError,
  ServiceUnavailableError,
} from '../../exceptions.js';
import { printable } from '../../utilities/printable.js';

/** What OpenSSL says of a certificate that is not trusted (X509_V_ERR_..., as Node names them), and what to do about it. */
const CERTIFICATES: Record<string, string> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet: compare the clocks of both machines',
  CERT_REVOKED: 'it was revoked',
  CERT_SIGNATURE_FAILURE: 'it was not issued by the authority of this installation',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it was not issued by the authority of this installation',
  SELF_SIGNED_CERT_IN_CHAIN: 'it was not issued by the authority of this installation',
  UNABLE_TO_GET_ISSUER_CERT: 'it was not issued by the authority of this installation',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it was not issued by the authority of this installation',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it was not issued by the authority of this installation',
  UNABLE_TO_GET_CRL: 'revoked.crl has no list of its authority',
  CRL_SIGNATURE_FAILURE: 'revoked.crl was not signed by its authority',
  CRL_HAS_EXPIRED: 'revoked.crl has ended: `cdt certificates revoke` makes it anew',
  CRL_NOT_YET_VALID: 'revoked.crl is not valid yet: compare the clocks of both machines',
  INVALID_PURPOSE: 'it was issued for another purpose',
};

/** The site at the other end, as messages name it: `cologne at data.example.org:2611`. */
export type PeerName = string;

/** Why the other end's certificate is not trusted, in words. */
export function whyUntrusted(code: string): string {
  return CERTIFICATES[code] ?? printable(code);
}

/** @param subject whose certificate it is */
export function untrusted(subject: PeerName, reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`the certificate of ${subject} is not trusted: ${reason}`, {
    subject,
    advice:
      'Look with `cdt certificates show` at both sites: both must hold the same authority.pem. `cdt certificates renew SITE` makes a new certificate where the authority is; workers take it up by themselves. Then retry.',
    cause,
  });
}

/** Told by the end that does not trust it to the one whose certificate it is. */
export function refused(by: string, reason: string): ConfigurationError {
  return new ConfigurationError(`${by} refused our certificate: ${reason}`, {
    subject: by,
    advice:
      'Look with `cdt certificates show` at both sites: both must hold the same authority.pem. `cdt certificates renew SITE` makes a new certificate where the authority is; copy it here, and the workers take it up by themselves. Then retry.',
  });
}

/** The class of an error of a TLS connection: certificates and versions need a person, all else is the line's state of the moment. */
export function classifyTlsError(error: unknown, peer: PeerName): CCATDataOperationError {
  if (error instanceof CCATDataOperationError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code in CERTIFICATES) return untrusted(peer, whyUntrusted(code), error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return untrusted(peer, `it is of another site (${printable(message)})`, error);
  if (/ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|ALERT_CERTIFICATE/.test(code))
    return refused(peer, printable(message));
  if (
    /^ERR_SSL_(WRONG_VERSION|UNSUPPORTED|PACKET_LENGTH|HTTP|NO_PROTOCOLS|.*ALERT_(PROTOCOL_VERSION|HANDSHAKE))/.test(
      code,
    )
  ) {
    return new ConfigurationError(`${peer} does not speak TLS 1.3: ${printable(message)}`, {
      subject: peer,
      advice: 'Correct host and port: nothing that listens for the stream transport answers there.',
      cause: error,
    });
  }
  return new NetworkError(`the connection to ${peer} failed: ${printable(message)}`, {
    subject: peer,
    advice:
      'It is tried again by itself. If it stays so, look at the line, the address and the worker there.',
    cause: error,
  });
}

/** The other end is there, but says nothing. */
export function silent(peer: PeerName, milliseconds: number): ServiceUnavailableError {
  return new ServiceUnavailableError(`${peer} did not say a word for ${milliseconds / 1000} s`, {
    subject: peer,
    advice:
      'It is tried again by itself. If it stays so, look at the worker there: it hangs, or the line swallows everything.',
  });
}
