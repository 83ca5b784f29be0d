import { XMLParser } from 'fast-xml-parser';

/** A refusal by an S3 service, or that it can't be reached. The message names the bucket, the service and what to check. */
export class S3Error extends Error {
  override name = 'S3Error';
  /** HTTP status; null: there was no answer. */
  readonly status: number | null;
  /** S3's name of the error, such as `NoSuchKey`, where it gave one. */
  readonly code: string | null;

  constructor(message: string, options: { status: number | null; code: string | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.code = options.code;
  }
}

/** What a person can do, by S3's name of the error. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const REMEDIES: Readonly<Record<string, string>> = {
  AccessDenied: 'give the access key the permissions that docs/operate.md lists',
  AuthorizationHeaderMalformed: 'check blobs.region',
  IllegalLocationConstraintException: 'check blobs.region',
  InvalidAccessKeyId: 'check the access key, and that blobs.endpoint is the service that gave it',
  NoSuchBucket: 'make the bucket, or correct its name',
  PreconditionFailed: 'it was replaced meanwhile; read it again',
  PermanentRedirect: 'check blobs.region and blobs.endpoint',
  RequestTimeTooSkewed: 'set the clock of this machine',
  SignatureDoesNotMatch: 'check the secret key',
  TemporaryRedirect: 'check blobs.region and blobs.endpoint',
  ExpiredToken: 'renew the temporary keys',
};
const BY_STATUS: Readonly<Record<number, string>> = {
  301: 'check blobs.region and blobs.endpoint',
  403: 'check the keys and their permissions',
  404: 'check the name of the bucket and blobs.endpoint',
};

/** The error of an answer that is none of 2xx. `body` is what came with it, XML in most cases; HEAD has none. */
export function refusal(what: string, status: number, body: string): S3Error {
  const { code, message } = errorOf(body);
  const remedy = (code && REMEDIES[code]) ?? BY_STATUS[status];
  const said = [code, message].filter((part) => part).join(': ');
  return new S3Error(`${what}: ${status}${said ? ` ${said}` : ''}${remedy ? `; ${remedy}` : ''}`, { status, code });
}

/** The error of a request that got no answer, or only a part of one. */
export function unreachable(what: string, cause: unknown): S3Error {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = reason instanceof Error ? reason.message || reason.name : String(reason);
  return new S3Error(`${what}: no whole answer (${why}); check blobs.endpoint and the network`, {
    status: null,
    code: null,
    cause,
  });
}

const parser = new XMLParser({
  parseTagValue: false,
  isArray: (name) => name === 'Contents' || name === 'CommonPrefixes',
});

/** An XML answer as objects; null when it is none. */
export function parseXml(body: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = parser.parse(body);
    return isRecord(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** S3's own description of an error, cut to a length that fits a log. */
export function errorOf(body: string): { code: string | null; message: string | null } {
  const error = parseXml(body)?.Error;
  if (!isRecord(error)) return { code: null, message: null };
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value.slice(0, 300) : null);
  return { code: text(error.Code), message: text(error.Message) };
}
