import { AUDIT_EVENTS, type AuditEvent, type AuditEventName } from '@kiln/protocol/audit.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from '../log.ts';
import { clientAddress } from './client-address.ts';

/** Where audit events go. It must not throw: what it records has happened already. */
export type AuditSink = (event: AuditEvent) => void;

interface AuditNote {
  event: AuditEventName;
  detail: Readonly<Record<string, unknown>>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What `noteAudit` left for the hook. */
    auditNotes: AuditNote[] | null;
  }
}

/** Has an event written when the request is answered. `detail` must hold no secret. */
export function noteAudit(
  request: FastifyRequest,
  event: AuditEventName,
  detail: Readonly<Record<string, unknown>> = {},
): void {
  request.auditNotes ??= [];
  request.auditNotes.push({ event, detail });
}

/** The one place that writes audit events: just before a request is answered, with who asked and what it came to. */
export function addAudit(app: FastifyInstance, sink: AuditSink): void {
  app.decorateRequest('auditNotes', null);
  app.addHook('onSend', async (request, reply) => {
    if (request.auditNotes === null) return;
    const { principal, id: requestId } = request;
    const by = principal && { kind: principal.kind, id: principal.id };
    const frame = { at: new Date(), requestId, ip: clientAddress(request), by, status: reply.statusCode };
    for (const note of request.auditNotes.splice(0)) sink({ ...note, ...frame });
  });
}

/** Writes audit events into the service log. */
export function auditLog(log: Logger): AuditSink {
  return ({ event, requestId, ip, by, detail }) => {
    const { level, message } = AUDIT_EVENTS[event];
    log[level]({ event, ...detail, by: by?.id, ip, requestId }, message);
  };
}
