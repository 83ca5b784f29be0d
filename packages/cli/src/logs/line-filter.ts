import { stripVTControlCharacters } from 'node:util';
import type { LogLine } from '@kiln/protocol/api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { CliError, messageOf } from '../errors.ts';
import type { LogRequest } from './request.ts';

const LEVELS: readonly string[] = LOG_LEVELS;

/** Decides about lines as they come, by the rules of the API's filters. */
export class LineFilter {
  readonly #request: LogRequest;
  readonly #phaseName: (index: number) => string | undefined;
  readonly #expression: RegExp | null;

  /** `phaseName` knows the names of the attempt's phases. Throws a CliError on an expression that is none. */
  constructor(request: LogRequest, phaseName: (index: number) => string | undefined) {
    this.#request = request;
    this.#phaseName = phaseName;
    this.#expression = request.grep && compile(request.grep);
  }

  passes(line: LogLine): boolean {
    const { level, component, since, until } = this.#request;
    const time = Date.parse(line.time);
    return (
      (level === null || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level)) &&
      (component === null || namesOf(component).includes(line.component.toLowerCase())) &&
      this.#isInPhase(line.phase) &&
      (since === null || time >= Date.parse(since)) &&
      (until === null || time <= Date.parse(until)) &&
      (this.#expression === null || this.#expression.test(stripVTControlCharacters(line.text)))
    );
  }

  #isInPhase(index: number): boolean {
    const { phase } = this.#request;
    if (phase === null) return true;
    if (/^(?:-1|\d{1,5})$/.test(phase)) return index === Number(phase);
    return this.#phaseName(index)?.toLowerCase() === phase.toLowerCase();
  }
}

function namesOf(components: string): string[] {
  return components.split(',').map((name) => name.trim().toLowerCase());
}

/** The expression of --grep. Throws a CliError with V8's words when it is none. */
function compile({ source, ignoreCase }: NonNullable<LogRequest['grep']>): RegExp {
  try {
    return new RegExp(source, ignoreCase ? 'i' : '');
  } catch (error) {
    throw new CliError(messageOf(error), 2);
  }
}
