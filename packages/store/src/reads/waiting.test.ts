import { expect, it } from 'vitest';
import { type WaitingAgent, type WaitingJob, type WaitingRun, whyWaiting } from './waiting.ts';

const job: WaitingJob = { status: 'queued', labels: [], needs: [], unmet: 0 };
const run: WaitingRun = { recipe: 'libfoo', status: 'building', concurrency: null, inProgress: 0, jobs: new Map() };
const agent = (name: string, labels: string[], busy = 0): WaitingAgent => ({ name, labels, slots: 1, busy });

const cases: [
  why: string,
  job: Partial<WaitingJob>,
  run: Partial<WaitingRun>,
  agents: WaitingAgent[],
  words: string,
][] = [
  ['it does not wait', { status: 'building' }, {}, [], ''],
  [
    'another job goes first',
    { needs: ['build'], unmet: 1 },
    { jobs: new Map([['build', 'building']]) },
    [],
    'waits for job build',
  ],
  [
    'several jobs go first, one of them done',
    { needs: ['a', 'b', 'c'], unmet: 2 },
    {
      jobs: new Map([
        ['a', 'completed'],
        ['b', 'queued'],
        ['c', 'failed'],
      ]),
    },
    [],
    'waits for the jobs b, c',
  ],
  [
    'the recipe is at its limit',
    {},
    { status: 'queued', concurrency: 1, inProgress: 1 },
    [agent('a', [])],
    'recipe libfoo allows one run at once, and one is in progress',
  ],
  ['nobody is there', {}, {}, [], 'no agent is connected'],
  [
    'a label is nowhere',
    { labels: ['gpu', 'linux'] },
    {},
    [agent('a', ['linux'])],
    'no connected agent has the label gpu',
  ],
  [
    'labels are there, but not together',
    { labels: ['gpu', 'linux'] },
    {},
    [agent('a', ['linux']), agent('b', ['gpu'])],
    'no connected agent has all of the labels gpu, linux',
  ],
  ['the only one is busy', {}, {}, [agent('a', [], 1)], 'a, the only fitting agent, is busy'],
  [
    'all are busy',
    { labels: ['linux'] },
    {},
    [agent('a', ['linux'], 1), agent('b', ['linux'], 1), agent('c', [])],
    'all 2 fitting agents are busy',
  ],
  ['nothing is in the way', {}, {}, [agent('a', [])], 'is about to start'],
];

it.each(cases)('says that %s', (_why, jobPart, runPart, agents, words) => {
  expect(whyWaiting({ ...job, ...jobPart }, { ...run, ...runPart }, agents)).toBe(words);
});
