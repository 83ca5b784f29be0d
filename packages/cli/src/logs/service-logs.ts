/** Kiln's own processes: their logs are in the journal, not in the farm. */
const SERVICES = ['platform', 'orchestrator', 'server', 'agent', 'heartbeat'] as const;
const UNITS: Record<string, string> = { heartbeat: 'systemd-heartbeat' };

/** What to say when the log of a process of Kiln is asked for; null for any other word. */
export function serviceLogHint(word: string): string | null {
  if (!SERVICES.some((service) => service === word)) return null;
  return [
    `kiln logs reads the logs of builds. The ${word} writes its own to the journal of the machine where it runs; read it there with:`,
    `  journalctl -u ${UNITS[word] ?? `kiln-${word}`} -f`,
    'Started by hand (npm start, kiln up) it writes to its terminal instead.',
  ].join('\n');
}
