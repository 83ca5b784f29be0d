import type { Recipe, Trigger } from '@kiln/protocol/recipe.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import { Cron } from 'croner';

/** That each trigger can ever fire: its schedule has a next time, what it watches is there. `after` is checked over all recipes. */
export function checkTriggers({ triggers, upstream }: Recipe): Issue[] {
  if (!triggers) return [];
  const seen = new Set<string>();
  return triggers.flatMap((trigger, index) => {
    const path = ['triggers', index];
    const text = JSON.stringify(trigger);
    if (seen.has(text)) return [{ path, onKey: false, message: `trigger ${text} is listed twice`, fix: 'remove one' }];
    seen.add(text);
    const found = triggerProblem(trigger, upstream);
    if (!found) return [];
    const { key, ...rest } = found;
    return [{ path: key === null ? path : [...path, key], onKey: false, ...rest }];
  });
}

function triggerProblem(
  trigger: Trigger,
  upstream: Recipe['upstream'],
): { key: string | null; message: string; fix: string } | null {
  if (trigger === 'manual') return null;
  if (trigger === 'tag') {
    if (upstream?.tags !== undefined) return null;
    return { key: null, message: 'trigger tag needs upstream.tags', fix: 'say which tags, such as tags: v(.*)' };
  }
  if ('schedule' in trigger) return scheduleProblem(trigger);
  if ('after' in trigger) return null;
  if (!upstream) return { key: 'push', message: 'trigger push needs an upstream', fix: 'add upstream.git' };
  if (/^[^\s~^:?[\\]+$/.test(trigger.push)) return null;
  return {
    key: 'push',
    message: `"${trigger.push}" is not the name of a branch`,
    fix: 'write a name such as main, or a pattern such as release/*',
  };
}

function scheduleProblem(trigger: {
  schedule: string;
  timezone?: string;
}): { key: string; message: string; fix: string } | null {
  const { schedule, timezone = 'UTC' } = trigger;
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    const message = `there is no time zone "${timezone}"`;
    return { key: 'timezone', message, fix: 'write a name such as UTC or Europe/Berlin' };
  }
  const fix = 'write five fields, minute hour day month weekday, such as 30 4 * * 1-5';
  if (!/^@\w+$|^(\S+\s+){4}\S+$/.test(schedule.trim())) {
    return { key: 'schedule', message: `"${schedule}" is not a cron expression`, fix };
  }
  try {
    const next = new Cron(schedule, { mode: '5-part', timezone, paused: true }).nextRun();
    if (next) return null;
    return { key: 'schedule', message: `"${schedule}" never comes`, fix: 'choose a day that its months have' };
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/^Cron\w*: /, '') : String(error);
    return { key: 'schedule', message: `"${schedule}" is not a cron expression: ${words}`, fix };
  }
}
