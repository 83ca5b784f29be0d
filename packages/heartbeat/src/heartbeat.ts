import { loadMemory, type Memory, saveMemory } from './memory.ts';
import type { MetricName } from './metrics-table.ts';
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { loadPush, type Receiver, receiverOf } from './push.ts';
import { survey } from './survey.ts';
import { HeartbeatError, Systemctl } from './systemctl.ts';
import type { Tick } from './tick.ts';

/**
 * One heartbeat: reads the units, then prints or sends what was read. Returns the exit code: 0 done, 1 it failed, 2 wrong usage.
 * Problems are lines on stderr.
 */
export async function heartbeat(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const options = readOptions(args, env);
    if (options.mode === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    return await run(options, env);
  } catch (error) {
    if (!(error instanceof HeartbeatError || error instanceof UsageError)) throw error;
    complain(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<number> {
  const { mode, allowlist, host, state } = options;
  for (const problem of allowlist.problems) complain(problem);
  // Looked at before anything is read: a wrong address is a mistake of the caller, whatever the units do.
  const receiver = mode === 'push' ? receiverOf(options.endpoint, options.tokenFile) : null;
  const memory = state === null ? null : recall(state);
  // What is done with the answers is loaded while systemd makes them: a tenth of the whole time.
  const [found, { readSurvey }, finish] = await Promise.all([
    survey(new Systemctl(env), allowlist, memory),
    import('./tick.ts'),
    receiver ? loadSend(receiver, state) : loadPrint(mode),
  ]);
  const isDone = await finish(readSurvey(found, { host, memory }));
  return isDone && allowlist.problems.length === 0 ? 0 : 1;
}

type Finish = (tick: Tick) => boolean | Promise<boolean>;

async function loadPrint(mode: Options['mode']): Promise<Finish> {
  const { describeList, describeTick, toJson } = await import('./print.ts');
  const describe = mode === 'list-units' ? describeList : mode === 'once-json' ? toJson : describeTick;
  return (tick) => process.stdout.write(describe(tick)) || true;
}

async function loadSend(receiver: Receiver, state: string | null): Promise<Finish> {
  const [{ encodeMetrics }, { samplesOf }] = await Promise.all([import('./otlp.ts'), import('./samples.ts')]);
  const send = loadPush(receiver);
  return async (tick) => {
    const { samples, sent } = samplesOf(tick);
    const body = encodeMetrics(samples, { at: tick.clock.wall * 1000, countersSince: tick.memory.since });
    const wasSent = await attempt(() => send(body));
    const memory: Memory = wasSent
      ? { ...tick.memory, host: tick.host, sent }
      : { ...tick.memory, sent: union(tick.memory.sent, sent) };
    const wasSaved = state === null || (await attempt(() => saveMemory(state, memory)));
    return wasSent && wasSaved;
  };
}

/** The memory of the last tick. A broken one is as good as none. */
function recall(file: string): Memory | null {
  try {
    return loadMemory(file);
  } catch (error) {
    if (!(error instanceof HeartbeatError)) throw error;
    complain(error.message);
    return null;
  }
}

async function attempt(action: () => Promise<void> | void): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof HeartbeatError)) throw error;
    complain(error.message);
    return false;
  }
}

/** After a push that failed nobody knows whether it arrived: the receiver may have series of both. */
function union(a: Memory['sent'], b: Memory['sent']): Memory['sent'] {
  const both: Memory['sent'] = { ...a };
  for (const metric of Object.keys(b) as MetricName[])
    both[metric] = [...new Set([...(a[metric] ?? []), ...(b[metric] ?? [])])];
  return both;
}

function complain(message: string): void {
  process.stderr.write(`kiln heartbeat: ${message}\n`);
}
