// A recipe in TypeScript: the same keys as in YAML, checked by the compiler, and with functions and loops where they help.
import { defineRecipe } from '@kiln/protocol/recipe.ts';

/** A phase with one step for each command, named by its first words. */
const phase = (name: string, weight: number, ...commands: string[]) => ({ name, weight, steps: commands });

export default defineRecipe({
  description: "Kiln's own agent, as a tarball for machines that only build",
  upstream: {
    // Your checkout of Kiln. It has no tags to watch: a run builds the head of its branch.
    git: '../..',
    poll: false,
  },
  // By hand (`kiln run kiln-agent`), or when a webhook tells of a push to the main branch.
  triggers: ['manual', { push: 'main' }],
  environment: { PACKAGE: 'kiln-agent' },
  timeout: '10m',
  phases: [
    phase('fetch', 1, 'git log -1 --stat', 'node --version'),
    phase('build', 3, 'node scripts/pack-agent.mjs --version "$KILN_VERSION" --out out'),
    phase(
      'test',
      2,
      // What is tested is the tarball, not the folder that it was made from.
      'mkdir unpacked && tar -xzf "out/$PACKAGE-$KILN_VERSION.tar.gz" -C unpacked',
      'node scripts/pack-agent.mjs --check "unpacked/$PACKAGE-$KILN_VERSION"',
      'ls -l "unpacked/$PACKAGE-$KILN_VERSION" && tar -tzf "out/$PACKAGE-$KILN_VERSION.tar.gz" | wc -l',
    ),
  ],
  artifacts: ['out/*.tar.gz'],
  publish: { package: 'kiln-agent' },
});
