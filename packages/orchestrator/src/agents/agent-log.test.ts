import { createLogger, relayOf } from '@kiln/service/log.ts';
import { expect, test } from 'vitest';
import { relayLine } from './agent-log.ts';

function relayed(format: 'json' | 'logfmt', ...lines: Record<string, unknown>[]): string[] {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const log = createLogger({ level: 'info', format, service: 'orchestrator', instance: 'o-1', destination });
  for (const line of lines) relayLine(relayOf(log), 'agent-id', line);
  return written;
}

const LINE = {
  time: '2026-05-07T14:32:11.000Z',
  level: 'warn',
  msg: 'disk is full',
  service: 'agent',
  instance: 'builder-1',
  host: 'elsewhere',
  jobId: 'j',
  token: 'secret',
};

test('a line has each key once, and says who said it', () => {
  const [line = ''] = relayed('json', LINE);
  const keys = [...line.matchAll(/"(\w+)":/g)].map(([, key]) => key);
  expect(keys).toEqual([...new Set(keys)]);
  expect(JSON.parse(line)).toEqual({ ...LINE, agentId: 'agent-id', token: '***' });
});

test('in the format of the process that prints it', () => {
  expect(relayed('logfmt', LINE)).toEqual([
    'time=2026-05-07T14:32:11.000Z level=warn msg="disk is full" service=agent instance=builder-1 host=elsewhere agentId=agent-id jobId=j token=***\n',
  ]);
});

test('whatever an agent makes up, it stays one line of an agent', () => {
  const [odd = '', none] = relayed(
    'json',
    { level: 'fatal', msg: { a: 1 }, time: 5, service: 'platform', agentId: 'another', instance: 7 },
    { level: 'debug', msg: 'not at this level' },
  );
  expect(none).toBeUndefined();
  expect(JSON.parse(odd)).toMatchObject({ level: 'info', msg: '{"a":1}', service: 'agent', agentId: 'agent-id' });
});
