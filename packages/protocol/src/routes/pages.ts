import Type from 'typebox';
import type { RouteTable } from './definition.ts';
import { Nothing } from './params.ts';

const RestParams = Type.Object({ '*': Type.String() });

/** What browsers and package managers fetch. */
export const PAGE_ROUTES = {
  'GET /repo': {
    summary: 'Leads to the list of the repositories',
    tag: 'pages',
    permission: 'public',
    answers: { 302: Nothing },
    form: 'html',
    listed: false,
  },
  'GET /repo/*': {
    summary: 'The published repositories: their folders as pages, and their files',
    tag: 'pages',
    permission: 'public',
    params: RestParams,
    answers: { 200: Nothing },
    form: 'bytes',
    errors: ['not_found', 'bucket_unavailable'],
    listed: false,
  },
  'GET /assets/*': {
    summary: "The dashboard's files, which have their content's hash in their name",
    tag: 'pages',
    permission: 'public',
    params: RestParams,
    answers: { 200: Nothing },
    form: 'bytes',
    errors: ['not_found'],
    listed: false,
  },
  'GET /*': {
    summary: 'The dashboard, at every address that a browser asks for as a page',
    tag: 'pages',
    permission: 'public',
    params: RestParams,
    answers: { 200: Nothing },
    form: 'html',
    media: ['text/html'],
    errors: ['not_found'],
    listed: false,
  },
} as const satisfies RouteTable;
