/** What stands in the place of a secret. */
const MASK = '***';

/** Names that are followed by a secret, wherever they stand in a longer one (`DB_PASSWORD`, `x-api-key`). */
const NAMES =
  // Not the shell's own PWD=/folder.
  'passw(?:or)?d|passphrase|pwd(?=["\']?\\s{0,8}[:=]\\s{0,8}[^\\s/])|secret|token|api[-_]?key|access[-_]?key|secret[-_]?key|private[-_]?key|account[-_]?key|credentials?';
/** A quoted value up to its quote, or anything up to a blank. */
const VALUE = `(?:\\\\?"[^"]*|\\\\?'[^']*|[^\\s"']+)`;

/** Anything that could be one of the patterns below: most lines are not, and cost one pass. */
const SUSPECT = new RegExp(
  `${NAMES}|authorization|bearer|cookie|://|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|npm_|AIza|eyJ|sk_live_`,
  'i',
);

/** The bounds keep every expression linear in the length of a line. */
const PATTERNS: readonly [RegExp, string][] = [
  // password=x, "password": "x y", token: x
  [new RegExp(`((?:${NAMES})\\\\?["']?\\s{0,8}[:=]\\s{0,8})${VALUE}`, 'gi'), '$1'],
  // --password x
  [new RegExp(`(--?(?:[a-z]{1,20}-){0,4}(?:${NAMES})\\s{1,8})(?:"[^"]*|'[^']*|[^\\s"'-][^\\s"']*)`, 'gi'), '$1'],
  [/(authorization["']?\s{0,8}[:=]\s{0,8}["']?(?:(?:bearer|basic|token|digest|negotiate)\s{1,8})?)[^\s"']+/gi, '$1'],
  [/(\bbearer\s{1,8})[\w.~+/=-]{8,}/gi, '$1'],
  [/(\b(?:set-)?cookie["']?\s{0,8}:\s{0,8}).+/gi, '$1'],
  // https://name:secret@host
  [/(:\/\/[^\s:/?#@]{0,256}:)[^\s@/]{1,1024}(?=@)/g, '$1'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, ''],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{20,255}|xox[abprs]-[\w-]{10,255})/g, ''],
  [/\b(?:npm_[A-Za-z0-9]{36}|AIza[\w-]{35}|sk_live_\w{16,255})/g, ''],
  // A JSON Web Token
  [/(?<![\w-])eyJ[\w-]{8,4096}\.[\w-]{8,8192}\.[\w-]{0,4096}/g, ''],
];

const KEY_BEGIN = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/;
const KEY_END = /-----END [A-Z ]{0,40}PRIVATE KEY-----/;

/**
 * Hides what looks like a secret from lines whose real secrets nobody here knows: passwords and tokens by their names,
 * `Authorization` headers, cookies, addresses with a password, keys of well-known services, private keys. Give it the lines of
 * one text in order: it remembers that it is inside a private key.
 */
export class PatternMask {
  #inKey = false;

  /** One line, without its newline. Returns the very same string when there was nothing to hide. */
  mask(line: string): string {
    if (this.#inKey) {
      this.#inKey = !KEY_END.test(line);
      return MASK;
    }
    if (KEY_BEGIN.test(line)) {
      this.#inKey = !KEY_END.test(line);
      return MASK;
    }
    if (!SUSPECT.test(line)) return line;
    return PATTERNS.reduce((text, [pattern, keep]) => text.replace(pattern, `${keep}${MASK}`), line);
  }
}
