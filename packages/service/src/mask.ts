/**
 * An address with the password in it, if any, replaced by ***; any other text as it is. Also where the scheme was forgotten
 * (`name:secret@host`), where the password has a slash, and in the other way to write one (`password=secret`).
 */
export function maskUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^\s:/?#]*|[^\s:/@]+):\S*@/i, '$1:***@')
    .replace(/\b(password\s*=\s*)[^\s&]+/gi, '$1***');
}
