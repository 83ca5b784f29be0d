/** The token of an `Authorization: Bearer …` header; null when there is none. The name of the scheme may be in any case. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}
