/** Host and port of `127.0.0.1:10142`, `[::1]:10142` or `farm.example:80`. Port 0 asks the system for a free one. Throws a TypeError. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new TypeError(`"${address}" is not an address to listen on; write host:port, such as 127.0.0.1:10142`);
  }
  return { host, port };
}
