function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, '0');
}

/** `14:03:22.125` in the viewer's zone. */
export function clockOf(time: number): string {
  const at = new Date(time);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** `0:07.1`, `12:07.1`, `1:12:07` since the start. */
export function sinceOf(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  const seconds = Math.floor(tenths / 10);
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
  return `${minutes}:${pad(seconds % 60)}.${tenths % 10}`;
}
