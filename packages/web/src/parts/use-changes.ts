import { useState } from 'react';

/** How many times `value` has changed since the component was first shown. */
export function useChanges(value: unknown): number {
  const [state, setState] = useState({ value, changes: 0 });
  if (Object.is(state.value, value)) return state.changes;
  const next = { value, changes: state.changes + 1 };
  setState(next);
  return next.changes;
}
