import Type from 'typebox';
import { Me, SignIn, SignInLink } from '../api.ts';
import type { RouteTable } from './definition.ts';
import { Nothing } from './params.ts';

/** Signing in and out. */
export const ACCESS_ROUTES = {
  'GET /sign-in': {
    summary: 'Where a sign-in link leads: gives the browser its session, or shows the page that asks for the token',
    tag: 'access',
    permission: 'public',
    query: Type.Object({ code: Type.Optional(Type.String()) }),
    answers: { 200: Nothing, 303: Nothing },
    form: 'html',
    media: ['text/html'],
    errors: ['unauthorized', 'too_many_requests', 'database_unavailable'],
    // A HEAD of the link, as link previews send, must not use it up.
    head: false,
    listed: false,
  },
  'POST /api/sign-in': {
    summary: 'Sign in a browser with the admin token',
    tag: 'access',
    permission: 'public',
    body: SignIn,
    answers: { 200: Type.Object({ subject: Type.String() }) },
    errors: ['wrong_token', 'too_many_requests', 'database_unavailable'],
  },
  'GET /api/me': {
    summary: 'Who the credential speaks for',
    tag: 'access',
    permission: 'account.use',
    answers: { 200: Me },
  },
  'POST /api/sign-out': {
    summary: 'End the session of this browser',
    tag: 'access',
    permission: 'account.use',
    answers: { 204: Nothing },
  },
  'POST /api/sign-in-links': {
    summary: 'Make a link that signs in one browser, once, within ten minutes',
    tag: 'access',
    permission: 'sign-in-links.create',
    answers: { 201: SignInLink },
  },
} as const satisfies RouteTable;
