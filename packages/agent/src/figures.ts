import { readFile } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';

/** What the fleet page shows of an agent's host. */
export interface Figures {
  /** Share of all processors that was in use since the last time, 0 to 100. */
  cpu: number;
  /** Bytes of memory in use on the host, without what the system only caches. */
  memoryUsed: number;
  /** Seconds since the agent was started. */
  uptime: number;
}

/** Measures the host; each call tells of the time since the one before. */
export class Host {
  #last = processorTimes();

  async figures(): Promise<Figures> {
    const now = processorTimes();
    const total = now.total - this.#last.total;
    const idle = now.idle - this.#last.idle;
    this.#last = now;
    const cpu = total > 0 ? Math.round((1 - idle / total) * 1000) / 10 : 0;
    return { cpu, memoryUsed: totalmem() - (await availableMemory()), uptime: Math.round(process.uptime()) };
  }
}

function processorTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}

async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes ? Number(kibibytes) * 1024 : freemem();
}
