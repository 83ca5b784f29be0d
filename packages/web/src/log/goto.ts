/** What was typed into the field that goes to a place. */
export type Place = { line: number } | { time: number };

/**
 * Reads `1234`, `L1234` or `1,234` as a line, `14:03`, `14:03:22.5` as a time of the clock in the viewer's zone on the day that the
 * job began (or the day after, when that is before it), `+1:30`, `+90s`, `+1h 5m` as a time since the start. Null for anything else.
 */
export function parsePlace(text: string, startedAt: number): Place | null {
  const said = text.trim().toLowerCase();
  const line = /^[#l]*([\d,_ ]+)$/.exec(said);
  if (line?.[1]) {
    const number = Number(line[1].replace(/[,_ ]/g, ''));
    return Number.isSafeInteger(number) && number > 0 ? { line: number } : null;
  }
  const since = said.startsWith('+') ? sinceStart(said.slice(1).trim()) : null;
  if (since !== null) return { time: startedAt + since };
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?$/.exec(said);
  if (!clock) return null;
  const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds >= 60) return null;
  const day = new Date(startedAt);
  day.setHours(hours, minutes, Math.floor(seconds), Math.round((seconds % 1) * 1000));
  // To the minute is as exact as was typed.
  const begins = clock[3] === undefined ? startedAt - (startedAt % 60_000) : startedAt;
  if (day.getTime() < begins) day.setDate(day.getDate() + 1);
  return { time: day.getTime() };
}

function sinceStart(text: string): number | null {
  const colons = /^(?:(\d+):)?(\d{1,3}):(\d\d(?:\.\d{1,3})?)$/.exec(text);
  if (colons) return (Number(colons[1] ?? 0) * 3600 + Number(colons[2]) * 60 + Number(colons[3])) * 1000;
  const units = /^(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+(?:\.\d+)?)\s*s?)?$/.exec(text);
  if (!units || text === '') return null;
  return (Number(units[1] ?? 0) * 3600 + Number(units[2] ?? 0) * 60 + Number(units[3] ?? 0)) * 1000;
}
