import type { AgentMetrics } from '../agent-metrics.ts';
import type { Uplink } from '../link/uplink.ts';
import type { Launcher } from '../process/launcher.ts';
import type { PipePool } from '../process/pipe-pool.ts';
import type { ServiceLog } from '../service-log.ts';
import type { Uploader } from './uploader.ts';
import type { Workspaces } from './workspaces.ts';

/** What the attempts of one agent share. */
export interface AttemptTools {
  agentName: string;
  stateDir: string;
  /** Bytes of log that an attempt may keep on disk. */
  spoolLimit: number;
  /** How long a process group has between SIGTERM and SIGKILL. */
  killGraceMs: number;
  log: ServiceLog;
  metrics: AgentMetrics;
  uplink: Uplink;
  launcher: Launcher;
  pipes: PipePool;
  uploader: Uploader;
  workspaces: Workspaces;
}
