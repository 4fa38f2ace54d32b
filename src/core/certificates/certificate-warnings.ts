import type { X509Certificate } from 'node:crypto';
import { AUTHORITY } from './certificate-files.js';
import { certificateName, siteOfCertificate } from './certificates.js';

/** What is wrong with a certificate, or will be soon, as sentences. */

/** One that ends within so many days is told of. */
export const ENDS_SOON_DAYS = 30;

const DAY_MS = 86_400_000;
const ENDS_SOON = 'ends in';

/** Whole days until a time, in milliseconds; negative once it is over. */
export function daysUntil(endsAt: number, now: number): number {
  return Math.floor((endsAt - now) / DAY_MS);
}

/** Whether a warning is of what will be wrong: the certificate can be used. */
export function isForLater(warning: string): boolean {
  return warning.startsWith(ENDS_SOON);
}

/** @param now in milliseconds */
export function timeWarnings(certificate: X509Certificate, now: number): string[] {
  const [beginsAt, endsAt] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (now < beginsAt)
    return [`it holds from ${new Date(beginsAt).toISOString()} on: is the clock of this machine right?`];
  if (now >= endsAt) return [`it ended on ${new Date(endsAt).toISOString()}`];
  const days = daysUntil(endsAt, now);
  return days < ENDS_SOON_DAYS ? [`${ENDS_SOON} ${days === 1 ? '1 day' : `${days} days`}`] : [];
}

export function authorityWarnings(certificate: X509Certificate): string[] {
  return certificate.ca ? [] : ['it is no authority'];
}

export function siteWarnings(
  certificate: X509Certificate,
  site: string,
  authorities: X509Certificate[],
): string[] {
  const named = siteOfCertificate(certificate);
  const known = authorities.some((one) => certificate.checkIssued(one) && certificate.verify(one.publicKey));
  return [
    ...(named === site
      ? []
      : [`it speaks for ${named ?? 'no site'}, not for ${site} (${certificateName(site)})`]),
    ...(known ? [] : [`it was not issued by an authority of ${AUTHORITY}.pem`]),
  ];
}
