import type {
  AgentList,
  DeadLetters,
  Me,
  Overview,
  PackageList,
  RecipeDetail,
  RecipeList,
  RunDetail,
  RunList,
  Trace,
} from '@kiln/protocol/api.ts';
import type { RunStatus } from '@kiln/protocol/states.ts';
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { request } from './request.ts';

/** What the list of runs is narrowed to. */
export interface RunFilters {
  recipe?: string;
  status?: RunStatus;
  version?: string;
}

const PAGE = 60;

/** One entry for each thing that a page asks the farm. The first part of each key is what the live socket calls stale. */
export const queries = {
  me: queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => request<Me>('api/me', { signal }), staleTime: 60_000 }),

  overview: queryOptions({
    queryKey: ['overview'],
    queryFn: ({ signal }) => request<Overview>('api/overview', { signal }),
  }),

  runs: (filters: RunFilters) =>
    infiniteQueryOptions({
      queryKey: ['runs', filters],
      initialPageParam: null as string | null,
      queryFn: ({ signal, pageParam }) => {
        const query = new URLSearchParams({ limit: String(PAGE) });
        for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
        if (pageParam !== null) query.set('cursor', pageParam);
        return request<RunList>(`api/runs?${query}`, { signal });
      },
      getNextPageParam: (last) => last.nextCursor,
      placeholderData: keepPreviousData,
    }),

  /** The newest runs, for the palette. */
  recentRuns: queryOptions({
    queryKey: ['runs', 'recent'],
    queryFn: ({ signal }) => request<RunList>('api/runs?limit=100', { signal }),
  }),

  run: (runId: string) =>
    queryOptions({
      queryKey: ['run', runId],
      queryFn: ({ signal }) => request<RunDetail>(`api/runs/${encodeURIComponent(runId)}`, { signal }),
    }),

  recipes: queryOptions({
    queryKey: ['recipes'],
    queryFn: ({ signal }) => request<RecipeList>('api/recipes', { signal }),
  }),

  recipe: (name: string) =>
    queryOptions({
      queryKey: ['recipe', name],
      queryFn: ({ signal }) => request<RecipeDetail>(`api/recipes/${encodeURIComponent(name)}`, { signal }),
    }),

  packages: infiniteQueryOptions({
    queryKey: ['packages'],
    initialPageParam: null as string | null,
    queryFn: ({ signal, pageParam }) => {
      const query = new URLSearchParams({ limit: '500' });
      if (pageParam !== null) query.set('cursor', pageParam);
      return request<PackageList>(`api/packages?${query}`, { signal });
    },
    getNextPageParam: (last) => last.nextCursor,
  }),

  agents: queryOptions({
    queryKey: ['agents'],
    queryFn: ({ signal }) => request<AgentList>('api/agents', { signal }),
  }),

  deadLetters: queryOptions({
    queryKey: ['dead-letters'],
    queryFn: ({ signal }) => request<DeadLetters>('api/dead-letters', { signal }),
  }),

  trace: (id: string) =>
    queryOptions({
      queryKey: ['trace', id],
      queryFn: ({ signal }) => request<Trace>(`api/trace/${encodeURIComponent(id)}`, { signal }),
    }),
};
