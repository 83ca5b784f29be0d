import Type from 'typebox';
import {
  ArtifactResponse,
  AttemptReference,
  EnrolRequest,
  EnrolResponse,
  OrchestratorMessage,
} from '../agent-messages.ts';
import type { RouteTable } from './definition.ts';
import { Attempt } from './params.ts';

const ORCHESTRATOR = ['orchestrator'] as const;

/** What agents say to an orchestrator. */
export const AGENT_ROUTES = {
  'POST /agents/enrol': {
    summary: 'Become an agent: the join token becomes a token of its own',
    tag: 'agents',
    tiers: ORCHESTRATOR,
    permission: 'agents.enrol',
    body: EnrolRequest,
    answers: { 200: EnrolResponse },
  },
  'GET /agents/socket': {
    summary: 'The socket of an agent (WebSocket): jobs one way, logs and progress the other',
    tag: 'agents',
    tiers: ORCHESTRATOR,
    permission: 'agents.connect',
    answers: { 101: OrchestratorMessage },
    form: 'websocket',
    head: false,
  },
  'PUT /agents/artifacts/:jobId/:attempt/:fence/*': {
    summary: 'Stage one artifact of an attempt, whole or not at all',
    tag: 'agents',
    tiers: ORCHESTRATOR,
    permission: 'artifacts.upload',
    params: Type.Object({
      jobId: AttemptReference.properties.jobId,
      attempt: Attempt,
      fence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      '*': Type.String(),
    }),
    takes: 'bytes',
    answers: { 200: ArtifactResponse },
    errors: [
      'stale_attempt',
      'staged_differently',
      'unsafe_path',
      'path_conflict',
      'digest_missing',
      'digest_mismatch',
      'disk_full',
    ],
  },
} as const satisfies RouteTable;
