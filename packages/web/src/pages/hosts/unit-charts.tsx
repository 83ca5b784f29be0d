import type { SeriesName, UnitDetail } from '@kiln/protocol/hosts.ts';
import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { formatBytes } from '../../parts/format.ts';
import { Problem } from '../../parts/notices.tsx';
import { Section } from '../../parts/page.tsx';
import { hostQueries, RANGES, type Range } from './queries.ts';
import { SeriesChart } from './series-chart.tsx';
import css from './unit.module.css';

const CHARTS: { name: SeriesName; title: string; format: (value: number) => string }[] = [
  { name: 'memory', title: 'Memory', format: formatBytes },
  { name: 'cpu', title: 'Processor', format: (cores) => `${(cores * 100).toFixed(cores < 0.1 ? 1 : 0)} %` },
  { name: 'restarts', title: 'Restarts', format: (count) => String(Math.round(count * 10) / 10) },
];

/** Memory, processor and restarts of a unit over time, from the metrics store, or from the little that Kiln keeps. */
export function UnitCharts({
  unit,
  range,
  onRange,
}: {
  unit: UnitDetail;
  range: Range;
  onRange: (range: Range) => void;
}) {
  const shown = unit.metricsStore ? range : '1h';
  return (
    <Section
      title="Over time"
      note={unit.metricsStore ? undefined : 'the last hour, as Kiln keeps it; metrics.url gives it a longer memory'}
      aside={
        unit.metricsStore && (
          <SegmentedControl
            aria-label="How far back"
            data={[...RANGES]}
            value={range}
            onChange={(value) => onRange(RANGES.find((known) => known === value) ?? '1h')}
          />
        )
      }
    >
      <div className={css.charts}>
        {CHARTS.map(({ name, title, format }) => (
          <Chart key={name} unit={unit} name={name} range={shown} title={title} format={format} />
        ))}
      </div>
    </Section>
  );
}

function Chart({
  unit,
  name,
  range,
  title,
  format,
}: {
  unit: UnitDetail;
  name: SeriesName;
  range: Range;
  title: string;
  format: (value: number) => string;
}) {
  const query = useQuery(hostQueries.series(unit.host, unit.unit, name, range));
  if (query.error && !query.data) {
    return <Problem title={`${title} is not known`} error={query.error} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <div className={css.waiting} aria-busy="true" />;
  return <SeriesChart title={title} series={query.data} format={format} />;
}
