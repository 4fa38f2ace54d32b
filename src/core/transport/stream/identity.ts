import { X509Certificate } from 'node:crypto';
import type { CommonConnectionOptions, SecureContextOptions } from 'node:tls';
import { certificateName, siteOfCertificate } from '../../certificates/certificates.js';
import { ConfigurationError } from '../../exceptions.js';

/** Who a worker is on the line: a certificate of the installation's own authority that names its site. All as PEM. */
export interface StreamIdentity {
  certificate: string;
  key: string;
  authority: string;
  /** Lists of certificates that hold no more; with one, every authority needs one. */
  revoked?: string[];
}

/**
 * The site that an identity is of.
 *
 * @throws ConfigurationError for a certificate that can't be read or names no site
 */
export function ownSite(identity: StreamIdentity): string {
  let site: string | undefined;
  try {
    site = siteOfCertificate(new X509Certificate(identity.certificate));
  } catch (cause) {
    throw new ConfigurationError('our own certificate for the stream transport can not be read', {
      advice: 'Issue a certificate for this site and name its file in the configuration.',
      cause,
    });
  }
  if (site !== undefined) return site;
  throw new ConfigurationError('our own certificate for the stream transport names no site', {
    advice: `Issue a certificate whose DNS name is the site's, as in ${certificateName('cologne')}.`,
  });
}

/** What both ends of a connection say to TLS: version 1.3 alone, and the cipher that is the fastest in hardware first. */
export function secured(identity: StreamIdentity): SecureContextOptions & CommonConnectionOptions {
  return {
    cert: identity.certificate,
    key: identity.key,
    ca: identity.authority,
    ...(identity.revoked === undefined ? {} : { crl: identity.revoked }),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  };
}
