import { parseAddress } from './address.ts';
import { maskUrl } from './mask.ts';

/** What a value must be beyond its schema: a check that returns what is wrong, or null. Unset values are not asked. */
type Rule = (value: string) => string | null;

const address: Rule = (value) => {
  try {
    parseAddress(value);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

function url(example: string, ...protocols: string[]): Rule {
  return (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : null;
    if (parsed && protocols.includes(parsed.protocol)) return null;
    const allowed = protocols.map((protocol) => `${protocol}//`).join(' or ');
    return `"${maskUrl(value)}" is not an address that begins with ${allowed}, such as ${example}`;
  };
}

/** By key, the rules that a JSON Schema can't say. */
export const CONFIG_RULES: Readonly<Record<string, Rule>> = {
  'http.addr': address,
  'orchestrator.addr': address,
  'agent.addr': address,
  'agent.orchestrator': url('ws://farm.example:10143', 'ws:', 'wss:'),
  'database.url': url('postgres://kiln@db.example/kiln', 'postgres:', 'postgresql:'),
  'telemetry.otlp_endpoint': url('http://127.0.0.1:4318', 'http:', 'https:'),
};
