import { type Audience, type Permission, permissionOf } from '@kiln/protocol/permissions.ts';
import { HttpError } from '../http-error.ts';

/** In which form a credential was shown. */
export type Shown = 'token' | 'session' | null;

/** What each audience needs, in words. */
const CREDENTIALS: Readonly<Record<Audience, string>> = {
  people: 'credential',
  builders: 'builder token',
  hosts: 'host token',
  joining: 'join token',
  agents: 'agent token',
};

const FOR_PEOPLE: Readonly<Record<'token' | 'session' | 'nothing', string>> = {
  token: 'the token is not valid; the right one is in the file admin-token under the data directory',
  session: 'the session has ended; sign in again with the link that `kiln sign-in` prints',
  nothing: 'sign in with the link that `kiln sign-in` prints, or send the admin token as a Bearer token',
};

/** 401: there is no credential that counts here, with what to do about it. */
export function unauthorized(audience: Audience, shown: Shown): HttpError {
  return new HttpError('unauthorized', remedy(audience, shown), {}, { 'www-authenticate': 'Bearer realm="kiln"' });
}

/** 403: the caller is known and may not do this. */
export function forbidden(permission: Permission): HttpError {
  const { allows, refusal } = permissionOf(permission);
  return new HttpError('forbidden', refusal ?? `this credential does not allow to ${allows}`);
}

/** 403: a cookie that came from another site's page. */
export function crossSite(): HttpError {
  return new HttpError(
    'cross_site',
    "this request did not come from Kiln's own pages; programs use a Bearer token in place of the cookie",
  );
}

/** 429: too many failures of one address. */
export function tooManyRequests(what: string, seconds: number): HttpError {
  return new HttpError('too_many_requests', `too many ${what}; wait ${seconds} s`, {}, { 'retry-after': seconds });
}

/** 429 for requests without a credential that counts. */
export function tooManyUnauthorized(audience: Audience, seconds: number): HttpError {
  return tooManyRequests(`requests without a valid ${CREDENTIALS[audience]}`, seconds);
}

function remedy(audience: Audience, shown: Shown): string {
  switch (audience) {
    case 'people':
      return FOR_PEOPLE[shown ?? 'nothing'];
    case 'builders':
      return 'a valid builder token is needed; `kiln builder token NAME` makes one';
    case 'hosts':
      return 'send a token as Authorization: Bearer …; `kiln host token <host>` makes one';
    case 'joining':
    case 'agents':
      return `a valid ${CREDENTIALS[audience]} is needed: Authorization: Bearer …`;
  }
}
