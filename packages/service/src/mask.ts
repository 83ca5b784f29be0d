/** An address with the password in it, if any, replaced by ***; any other text as it is. */
export function maskUrl(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^\s:/?#]*):[^\s/]*@/i, '$1:***@');
}
