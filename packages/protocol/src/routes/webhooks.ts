import { WebhookAnswer } from '../api.ts';
import type { RouteDefinition, RouteTable } from './definition.ts';

/** The kinds of webhooks, as they stand in the address. */
export const WEBHOOK_KINDS = ['github', 'gitea', 'forgejo', 'gitlab', 'generic'] as const;
export type WebhookKind = (typeof WEBHOOK_KINDS)[number];

const webhook = <K extends WebhookKind>(kind: K) =>
  ({
    summary: `Webhooks of ${kind}`,
    tag: 'webhooks',
    permission: 'signed',
    takes: 'bytes',
    answers: { 200: WebhookAnswer },
    errors: [
      'bad_json',
      'webhook_not_configured',
      'webhook_signature_invalid',
      'too_many_requests',
      'webhook_secret_unreadable',
    ],
  }) as const satisfies RouteDefinition;

/** What forges send: signed with a secret that they share with Kiln. */
export const WEBHOOK_ROUTES = {
  'POST /webhooks/github': webhook('github'),
  'POST /webhooks/gitea': webhook('gitea'),
  'POST /webhooks/forgejo': webhook('forgejo'),
  'POST /webhooks/gitlab': webhook('gitlab'),
  'POST /webhooks/generic': webhook('generic'),
} as const satisfies RouteTable;
