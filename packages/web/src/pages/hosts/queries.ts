import type { HostDetail, HostList, SeriesName, UnitDetail, UnitSeries } from '@kiln/protocol/hosts.ts';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { request } from '../../api/request.ts';

/** How many units of each host the page of all hosts shows; a host's own page has them all. */
export const ROWS = 40;
/** A host that sends nothing is noticed by the clock alone. */
const LOOK_MS = 30_000;
/** The stretches of time that a chart can show. */
export const RANGES = ['1h', '6h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number];

/** What the pages about hosts ask the farm. */
export const hostQueries = {
  all: queryOptions({
    queryKey: ['hosts'],
    queryFn: ({ signal }) => request<HostList>(`api/hosts?rows=${ROWS}`, { signal }),
    refetchInterval: LOOK_MS,
  }),

  one: (host: string) =>
    queryOptions({
      queryKey: ['host', host],
      queryFn: ({ signal }) => request<HostDetail>(hostPath(host), { signal }),
      refetchInterval: LOOK_MS,
    }),

  unit: (host: string, unit: string) =>
    queryOptions({
      queryKey: ['host', host, 'unit', unit],
      queryFn: ({ signal }) => request<UnitDetail>(unitPath(host, unit), { signal }),
      refetchInterval: LOOK_MS,
    }),

  series: (host: string, unit: string, name: SeriesName, range: Range) =>
    queryOptions({
      queryKey: ['host', host, 'unit', unit, 'series', name, range],
      queryFn: ({ signal }) =>
        request<UnitSeries>(`${unitPath(host, unit)}/series?name=${name}&range=${range}`, { signal }),
      placeholderData: keepPreviousData,
      retry: false,
    }),
};

/** The events of a unit before one of them. */
export async function olderEvents(host: string, unit: string, before: number): Promise<UnitDetail> {
  return await request<UnitDetail>(`${unitPath(host, unit)}?before=${before}`);
}

function hostPath(host: string): string {
  return `api/hosts/${encodeURIComponent(host)}`;
}

function unitPath(host: string, unit: string): string {
  return `${hostPath(host)}/units/${encodeURIComponent(unit)}`;
}
