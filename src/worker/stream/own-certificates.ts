import type { CertificateDirectory, SiteCredentials } from '../../core/certificates/certificate-directory.js';
import { CCATDataOperationError, ConfigurationError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';

/** What this worker shows to others, as it lies on its disk: renewed ones are taken up without a restart. */
export class OwnCertificates {
  private found: SiteCredentials | undefined;
  /** Why there are none. */
  private unusable: CCATDataOperationError | undefined;

  /**
   * @param site undefined for a worker of all sites, which speaks for none
   * @param directory undefined where the worker was told of none
   */
  constructor(
    private readonly site: string | undefined,
    private readonly directory: Pick<CertificateDirectory, 'credentials'> | undefined,
    private readonly log: Logger,
  ) {}

  /** Why there is nothing to show; undefined where there is. */
  get problem(): CCATDataOperationError | undefined {
    return this.found === undefined ? this.unusable : undefined;
  }

  /**
   * What is used now; the same object as long as it is the same.
   *
   * @throws ConfigurationError that says why there is none
   */
  get current(): SiteCredentials {
    if (this.found !== undefined) return this.found;
    throw this.unusable ?? new ConfigurationError('the certificates were not read yet');
  }

  /** Takes up what is new and right; what can't be used leaves what was there before: it may be copied just now. */
  async refresh(): Promise<void> {
    try {
      if (this.site === undefined || this.directory === undefined) throw noCertificates(this.site);
      const found = await this.directory.credentials(this.site);
      if (this.found !== undefined && isSame(found, this.found)) return;
      if (this.found !== undefined)
        this.log.info('new certificates, or a new list of revoked ones, are used from now on', {
          endsAt: found.endsAt,
        });
      this.found = found;
    } catch (error) {
      if (!(error instanceof CCATDataOperationError)) throw error;
      this.unusable = error.retryable ? error : asConfiguration(error);
    }
  }
}

/** A file that may not be read is a matter of the installation, never of the package that was to be sent. */
function asConfiguration(error: CCATDataOperationError): ConfigurationError {
  if (error instanceof ConfigurationError) return error;
  return new ConfigurationError(`the certificates of this site can not be read: ${error.message}`, {
    subject: error.subject,
    advice: error.advice,
    cause: error,
  });
}

function isSame(one: SiteCredentials, other: SiteCredentials): boolean {
  return (
    one.certificate === other.certificate &&
    one.key === other.key &&
    one.authority === other.authority &&
    one.revoked?.join('') === other.revoked?.join('')
  );
}

function noCertificates(site: string | undefined): ConfigurationError {
  return site === undefined
    ? new ConfigurationError('a worker of all sites has no certificate: it speaks for no one site', {
        subject: 'stream.certificates',
        advice: 'Start a worker for each site: cdt worker --site SITE',
      })
    : new ConfigurationError(`the worker of ${site} was not told where its certificates are`, {
        subject: 'stream.certificates',
        advice: 'Set stream.certificates: docs/operations.md tells how to make them.',
      });
}
