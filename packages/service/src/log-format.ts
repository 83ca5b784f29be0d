/** One event of the service log as pino wrote it: level, time, msg, the bindings and the fields. */
export type LogRecord = Record<string, unknown>;

const LEVEL_COLOURS: Record<string, string> = { debug: '90', info: '32', warn: '33', error: '31', fatal: '35' };
const HEADLINE = new Set(['time', 'level', 'msg']);
/** What every line of one process repeats: of no use to a person at a terminal. */
const IDENTITY = new Set(['service', 'instance', 'host', 'traceId', 'spanId', 'pid', 'stack']);

/** `time=… level=info msg="kiln starting" service=… farm_id=…`: one line, values quoted where they need it. */
export function formatLogfmt(record: LogRecord): string {
  const first = `time=${scalar(record.time)} level=${scalar(record.level)} msg=${scalar(record.msg ?? '')}`;
  const rest = Object.entries(record)
    .filter(([key, value]) => !HEADLINE.has(key) && value !== undefined)
    .map(([key, value]) => ` ${key.replace(/[\s="]/g, '_')}=${scalar(value)}`);
  return `${first}${rest.join('')}\n`;
}

/** For people: local time, level, text, then the fields dimmed; a stack follows on lines of its own. */
export function formatPretty(record: LogRecord, colours: boolean): string {
  const paint = (code: string, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const level = String(record.level);
  const fields = Object.entries(record)
    .filter(([key, value]) => !HEADLINE.has(key) && !IDENTITY.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${scalar(value)}`)
    .join(' ');
  const head = [
    paint('90', clock(record.time)),
    paint(LEVEL_COLOURS[level] ?? '0', level.toUpperCase().padEnd(5)),
    String(record.msg ?? ''),
    fields && paint('90', fields),
  ];
  const stack = typeof record.stack === 'string' ? `\n${record.stack.replace(/^/gm, '    ')}` : '';
  return `${head.filter(Boolean).join(' ')}${stack}\n`;
}

function clock(time: unknown): string {
  const date = new Date(String(time));
  if (Number.isNaN(date.getTime())) return String(time);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

function scalar(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  return text !== '' && /^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}
