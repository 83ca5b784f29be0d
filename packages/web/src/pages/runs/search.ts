import { RUN_STATUSES } from '@kiln/protocol/states.ts';
import type { RunFilters } from '../../api/queries.ts';

/** Reads the filters from the address; what it does not know is left out. */
export function parseRunFilters(search: Record<string, unknown>): RunFilters {
  const filters: RunFilters = {};
  if (typeof search.recipe === 'string') filters.recipe = search.recipe;
  if (typeof search.version === 'string') filters.version = search.version;
  const status = RUN_STATUSES.find((each) => each === search.status);
  if (status) filters.status = status;
  return filters;
}
