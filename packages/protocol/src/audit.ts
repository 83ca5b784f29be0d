import type { PrincipalKind } from './permissions.ts';

/**
 * The events of the audit trail: who got in, who was refused, and who handed out or took away a way in. The level and the text
 * are those of the service log, where each event is one line with its name as `event`.
 */
export const AUDIT_EVENTS = {
  'security.operator_login_succeeded': { level: 'info', message: 'signed in' },
  'security.operator_login_failed': { level: 'warn', message: 'sign-in failed' },
  'security.operator_logout': { level: 'info', message: 'signed out' },
  'security.permission_denied': { level: 'warn', message: 'permission denied' },
  'security.builder_token_issued': { level: 'info', message: 'builder token issued' },
  'security.builder_token_revoked': { level: 'info', message: 'builder token revoked' },
  'security.builder_refused': { level: 'warn', message: 'builder token refused' },
  'security.host_token_issued': { level: 'info', message: 'host token made' },
  'security.host_token_revoked': { level: 'info', message: 'host token revoked' },
  'security.host_refused': { level: 'warn', message: 'metrics without a valid token' },
  'security.agent_enrolled': { level: 'info', message: 'agent enrolled' },
  'security.webhook_not_configured': { level: 'warn', message: 'webhook not configured' },
  'security.webhook_signature_invalid': { level: 'warn', message: 'webhook signature invalid' },
} as const satisfies Record<string, { level: 'info' | 'warn'; message: string }>;
export type AuditEventName = keyof typeof AUDIT_EVENTS;

/** One event of the audit trail. */
export interface AuditEvent {
  event: AuditEventName;
  at: Date;
  requestId: string;
  /** Address of the client. */
  ip: string;
  /** Who did it; null when nobody was known. */
  by: { kind: PrincipalKind; id: string } | null;
  /** HTTP status that the request was answered with. */
  status: number;
  /** What it was about. Never a secret. */
  detail: Readonly<Record<string, unknown>>;
}
