/** What one agent pushed last: Prometheus text of its own metrics. */
export interface Push {
  agentId: string;
  text: string;
}

/** Series that one agent may have. Its own metrics are about fifty. */
const MOST_SERIES = 1000;

const HEAD = /^# (HELP|TYPE) (kiln_agent_\w+) (.*)$/;
const KIND = /^(counter|gauge|histogram|summary|untyped)$/;
const LABELS = '(?:[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"(?:,|(?=\\})))*';
const SERIES = new RegExp(`^(kiln_agent_\\w+)(?:\\{(${LABELS})\\})? ([+-]?(?:[0-9.]+(?:[eE][+-]?\\d+)?|Inf)|NaN)$`);

interface Family {
  help?: string;
  type?: string;
  series: string[];
}

/**
 * The metrics of all agents as one text, family by family, each series with the id of its agent. One line that Prometheus can't
 * read would cost the scrape of everything else, so whatever is not plainly a metric of an agent is left out.
 */
export function mergePushes(pushes: Iterable<Push>): string {
  const families = new Map<string, Family>();
  for (const { agentId, text } of pushes) {
    let name = '';
    let count = 0;
    for (const line of text.split('\n')) {
      const [, what, family, words = ''] = HEAD.exec(line) ?? [];
      if (what && family) {
        name = family;
        addHead(families, family, what, line, words);
        continue;
      }
      const [, series = '', labels, value] = SERIES.exec(line) ?? [];
      if (name === '' || !series.startsWith(name) || /(^|,)agent_id=/.test(labels ?? '')) continue;
      if (!Number.isFinite(Number(value)) && !/^(NaN|[+-]?Inf)$/.test(value ?? '')) continue;
      if (++count > MOST_SERIES) break;
      const rest = labels?.replace(/,$/, '');
      families.get(name)?.series.push(`${series}{agent_id="${agentId}"${rest ? `,${rest}` : ''}} ${value}`);
    }
  }
  return [...families.values()]
    .filter((family) => family.type && family.series.length > 0)
    .flatMap(({ help, type, series }) => [...(help ? [help] : []), type, ...series, ''])
    .join('\n');
}

/** Agents of different versions may say different things about a metric; the first one counts. */
function addHead(families: Map<string, Family>, name: string, what: string, line: string, words: string): void {
  const family = families.get(name) ?? { series: [] };
  families.set(name, family);
  if (what === 'HELP' && words.length <= 500 && !/\p{Cc}/u.test(words)) family.help ??= line;
  if (what === 'TYPE' && KIND.test(words)) family.type ??= line;
}
