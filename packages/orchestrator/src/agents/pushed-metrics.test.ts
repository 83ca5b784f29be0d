import { expect, test } from 'vitest';
import { mergePushes } from './pushed-metrics.ts';

const honest = `# HELP kiln_agent_jobs_total Jobs that ended, by outcome
# TYPE kiln_agent_jobs_total counter
kiln_agent_jobs_total{outcome="completed"} 1
kiln_agent_jobs_total{outcome="with \\"quotes\\", a } and a \\\\"} 2

# HELP kiln_agent_slots Jobs that the agent runs at once
# TYPE kiln_agent_slots gauge
kiln_agent_slots 2
# TYPE kiln_agent_took_seconds histogram
kiln_agent_took_seconds_bucket{le="0.1"} 0
kiln_agent_took_seconds_bucket{le="+Inf"} 1e-7
kiln_agent_took_seconds_sum NaN
`;

test('the series of all agents stand together, each with its agent', () => {
  const text = mergePushes([
    { agentId: 'a', text: honest },
    { agentId: 'b', text: honest.replace('kiln_agent_slots 2', 'kiln_agent_slots 3') },
  ]);
  expect(text).toContain(
    '# TYPE kiln_agent_slots gauge\nkiln_agent_slots{agent_id="a"} 2\nkiln_agent_slots{agent_id="b"} 3\n',
  );
  expect(text).toContain('kiln_agent_jobs_total{agent_id="a",outcome="with \\"quotes\\", a } and a \\\\"} 2\n');
  expect(text).toContain('kiln_agent_took_seconds_bucket{agent_id="b",le="+Inf"} 1e-7\n');
  expect(text.match(/# TYPE kiln_agent_jobs_total/g)).toHaveLength(1);
  expect(text.match(/agent_id/g)).toHaveLength(12);
});

test('nothing of what an agent makes up reaches the scrape', () => {
  const before = mergePushes([{ agentId: 'a', text: honest }]);
  const lies = `kiln_agent_early 1
# TYPE kiln_orch_turns_total counter
kiln_orch_turns_total 5
# TYPE kiln_agent_slots bogus
# HELP kiln_agent_slots two\rlines
# TYPE kiln_agent_slots counter
kiln_agent_slots{agent_id="a"} 9
kiln_agent_slots{x="1",agent_id="a"} 9
kiln_agent_slots{x=} 9
kiln_agent_slots{x="1"y="2"} 9
kiln_agent_slots{x="1} 9
kiln_agent_slots nine
kiln_agent_slots 1.2.3
kiln_agent_slots 9 1700000000000 extra
kiln_agent_slots
kiln_orch_turns_total{x="1"} 9
# EOF
\0`;
  expect(
    mergePushes([
      { agentId: 'a', text: honest },
      { agentId: 'evil', text: lies },
    ]),
  ).toBe(before);
  const flood = `# TYPE kiln_agent_x gauge\n${Array.from({ length: 5000 }, (_, n) => `kiln_agent_x{n="${n}"} 1\n`).join('')}`;
  expect(mergePushes([{ agentId: 'evil', text: flood }]).match(/agent_id/g)).toHaveLength(1000);
});
