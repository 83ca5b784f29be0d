import type { DeadLetters, EventDetail } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { type FarmOptions, limitNumber, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln event-dlq list
  kiln event-dlq list --limit 10 --json | jq -r '.events[].lastError'
  kiln event-dlq count
  kiln event-dlq retry 0b5d6a52-7a30-4d3e-9f0c-2f4f3f0d7a11
  kiln event-dlq discard 0b5d6a52-7a30-4d3e-9f0c-2f4f3f0d7a11`;

const ID = 'id of the event, as the list shows it';

interface ListOptions extends FarmOptions {
  limit: number;
  before?: string;
  json?: boolean;
}
type IdOptions = FarmOptions & { json?: boolean };

/** `kiln event-dlq`: the events that failed each of their attempts. */
export function register(program: Command): void {
  const deadLetters = program
    .command('event-dlq')
    .description('Shows the events that failed each of their attempts, and lets them be tried again or thrown away.')
    .addHelpText('after', EXAMPLES);
  withFarmOptions(deadLetters.command('list'))
    .description('Lists them, newest first.')
    .option('--limit <n>', 'at most this many, up to 200', limitNumber, 50)
    .option('--before <eventId>', 'only what died before this one: the next page')
    .option('--json', 'print JSON')
    .action(list);
  withFarmOptions(deadLetters.command('count')).description('Prints how many there are.').action(count);
  withFarmOptions(deadLetters.command('retry'))
    .description('Gives an event all of its attempts again, at once.')
    .argument('<eventId>', ID)
    .option('--json', 'print JSON')
    .action(retry);
  withFarmOptions(deadLetters.command('discard'))
    .description('Removes an event for good.')
    .argument('<eventId>', ID)
    .action(discard);
}

async function list({ limit, before, json, ...farm }: ListOptions): Promise<void> {
  const client = await connect(farm);
  const { count: total, events } = await client.get<DeadLetters>('/api/dead-letters', { limit, before });
  if (json) return (await import('../output/words.ts')).printJson({ count: total, events });
  const { table } = await import('../output/table.ts');
  const { oneLine, paint, relativeTime } = await import('../output/words.ts');
  const rows = events.map((event) => [
    event.eventId,
    event.name,
    event.routingKey,
    String(event.attempts),
    relativeTime(event.dlqAt),
    event.dlqReason ?? '',
    oneLine(event.lastError ?? '').slice(0, 120),
  ]);
  const header = ['EVENT', 'NAME', 'ROUTING KEY', 'ATTEMPTS', 'DIED', 'REASON', 'LAST ERROR'];
  process.stdout.write(table(header, rows, 'There are none.'));
  const last = events.at(-1);
  if (last && events.length === limit && total > limit) {
    process.stdout.write(
      paint('gray', `${total} in all; the next ones: kiln event-dlq list --before ${last.eventId}\n`),
    );
  }
}

async function count(farm: FarmOptions): Promise<void> {
  const client = await connect(farm);
  const answer = await client.get<DeadLetters>('/api/dead-letters', { limit: 1 });
  process.stdout.write(`${answer.count}\n`);
}

async function retry(eventId: string, { json, ...farm }: IdOptions): Promise<void> {
  const client = await connect(farm);
  const event = await client.post<EventDetail>(`/api/dead-letters/${encodeURIComponent(eventId)}/retry`);
  if (json) (await import('../output/words.ts')).printJson(event);
  else process.stdout.write(`${event.eventId} is tried again; its story: kiln trace ${event.requestId}\n`);
}

async function discard(eventId: string, farm: FarmOptions): Promise<void> {
  const client = await connect(farm);
  await client.delete(`/api/dead-letters/${encodeURIComponent(eventId)}`);
  process.stdout.write(`${eventId} is discarded\n`);
}
