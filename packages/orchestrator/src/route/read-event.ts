import { BuildPayload, PushPayload } from '@kiln/protocol/events.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { LeasedEvent } from '@kiln/store/event-leases.ts';
import { Compile } from 'typebox/compile';
import type { Roster } from '../recipes/roster.ts';
import type { ArchiveCheck } from './archive-check.ts';
import { isQuestion, planBuild } from './build.ts';
import { about } from './fields.ts';
import { type Candidate, type Plan, planOf, type Question } from './plan.ts';
import { planPush } from './push.ts';

const push = Compile(PushPayload);
const build = Compile(BuildPayload);

type Reader = Pick<FarmContext, 'db' | 'log'> & { roster: Pick<Roster, 'all' | 'get'>; archive: ArchiveCheck };

/** What an event comes to, or the question to its upstream that must be answered first. Throws on a payload that is not one. */
export async function readEvent(reader: Reader, event: LeasedEvent): Promise<Plan | Question> {
  const { payload, name } = event;
  if (name === 'webhook.push') {
    if (!push.Check(payload)) throw new Error(`the payload is not a push: ${firstError(push.Errors(payload))}`);
    return await withoutArchived(reader, event, readPush(reader, event, payload));
  }
  if (name === 'build') {
    if (!build.Check(payload)) throw new Error(`the payload is not an order: ${firstError(build.Errors(payload))}`);
    const found = await planBuild(reader.db, payload, reader.roster.get(payload.recipe), event);
    return isQuestion(found) ? found : await withoutArchived(reader, event, found);
  }
  return planOf({ reasons: [name === 'webhook.ping' ? 'a ping starts nothing' : `${name} starts nothing`] });
}

/** Takes out what was published before, unless it is forced. An archive that can't be read is told, and stops nothing. */
export async function withoutArchived(
  { archive, log }: Pick<Reader, 'archive' | 'log'>,
  event: LeasedEvent,
  plan: Plan,
): Promise<Plan> {
  const candidates: Candidate[] = [];
  const reasons = [...plan.reasons];
  for (const candidate of plan.candidates) {
    const { recipe, version, force } = candidate;
    const published =
      !force &&
      (await archive.has(recipe, version).catch((err: unknown) => {
        log.warn({ ...about(event), recipe: recipe.name, version, err }, 'dedup check failed');
        return false;
      }));
    if (published) reasons.push(`${recipe.name} ${version} is in the archive`);
    else candidates.push(candidate);
  }
  return { ...plan, candidates, reasons };
}

function readPush({ log, roster }: Reader, event: LeasedEvent, payload: PushPayload): Plan {
  const { optedOut, unknown, ...plan } = planPush(payload, roster.all(), event);
  const fields = { ...about(event), repository: payload.repository };
  if (unknown) log.info(fields, 'webhook for a repository that no recipe watches');
  for (const recipe of optedOut) log.info({ ...fields, recipe }, 'webhook for a recipe that takes none');
  return plan;
}

function firstError(errors: readonly { instancePath: string; message: string }[]): string {
  const [first] = errors;
  return first ? `${first.instancePath || '/'} ${first.message}` : 'unknown';
}
