import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DebianPostgres, debianPostgres } from './support/debian-postgres.ts';
import { type Farm, runsOf, startFarm } from './support/farm.ts';
import { type RunningFarm, startKiln, stopKiln } from './support/kiln-up.ts';
import { until } from './support/until.ts';

const LINES = 20_000;
const LOUD = `steps:
  - awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) { print "line " i; if (i % 200 == 0) { fflush(); system("sleep 0.03") } } }'
  - mkdir out && echo done >out/loud.txt
artifacts: ['out/*']
publish: {}
`;

// Where everything must be there, its absence is a failure: the tests run and say so.
const absent = debianPostgres === null && !process.env.CI;

describe.skipIf(absent)(`a PostgreSQL of Debian's packages${absent ? ' (postgresql is not installed)' : ''}`, () => {
  let server: DebianPostgres;
  beforeAll(async () => {
    if (debianPostgres === null) throw new Error('Debian package postgresql is not installed');
    server = await DebianPostgres.start(debianPostgres);
  });
  afterAll(async () => await server?.remove());

  describe('holds a farm', () => {
    let farm: Farm;
    beforeAll(async () => {
      await server.sql('CREATE DATABASE kiln');
      farm = await startFarm({ recipes: { 'loud.yaml': LOUD }, env: { KILN_DATABASE_URL: server.url('kiln') } });
    });
    afterAll(async () => await farm?.remove());

    test.each([
      ['its server process', '1', async () => await server.kill()],
      [
        'every connection',
        '2',
        async () =>
          await server.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()'),
      ],
    ] as const)('whose build survives the end of %s', async (what, version, end) => {
      const [runId = ''] = (await farm.start('loud', version)).runs;
      await until(
        'it prints',
        async () => ((await farm.api<RunDetail>(`/api/runs/${runId}`)).jobList[0]?.attempts[0]?.lines ?? 0) > 500,
      );
      await end();
      if (what === 'its server process') {
        await until('the farm misses it', async () => (await runsOf(farm).catch(() => null)) === null);
        await server.start();
      }
      await until('it answers again', async () => await runsOf(farm).catch(() => null));
      const run = await until('the run is finished', async () => {
        const found = await farm.api<RunDetail>(`/api/runs/${runId}`).catch(() => null);
        return found && (found.status === 'completed' || found.status === 'failed') ? found : null;
      });
      expect(run.status, farm.log().slice(-3000)).toBe('completed');
      expect(await printed(farm, run)).toEqual(Array.from({ length: LINES }, (_, index) => index + 1));
      expect(run.jobList[0]?.attempt).toBe(1);
      expect(run.packages).toHaveLength(1);
      expect((await runsOf(farm)).filter((one) => one.version === version)).toHaveLength(1);
    });

    test('that makes no cluster of its own and shows the password nowhere', async () => {
      expect(await readdir(farm.data)).not.toContain('postgres');
      expect(farm.log()).not.toContain(server.password);
      const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
      expect(stdout).not.toContain(server.password);
    });

    test('that leaves it alone while there is nothing to do', async () => {
      const count = async () => {
        const [row] = await server.sql(
          "SELECT xact_commit::int AS n, extract(epoch FROM clock_timestamp()) AS at FROM pg_stat_database WHERE datname = 'kiln'",
        );
        return { n: Number(row?.n), at: Number(row?.at) };
      };
      // Idle connections tell late what they did before.
      let before = await count();
      await until('there are two seconds with fewer than 50 transactions', async () => {
        const now = await count();
        if (now.at - before.at < 2) return false;
        const done = now.n - before.n;
        before = now;
        return done < 50;
      });
    });

    test('that goes on after a stop and a start', async () => {
      expect(await farm.stop()).toBe(0);
      farm = await startFarm({ recipes: {}, data: farm.data, env: { KILN_DATABASE_URL: server.socketUrl('kiln') } });
      expect((await runsOf(farm)).map((run) => run.version).toSorted()).toEqual(['1', '2']);
      expect((await farm.finished((await farm.start('loud', '3')).runs[0] ?? '')).status).toBe('completed');
    });
  });

  describe('that Kiln can not work on', () => {
    const farms: RunningFarm[] = [];
    afterEach(async () => {
      for (const farm of farms.splice(0)) {
        if (farm.process.exitCode === null) await stopKiln(farm);
        await rm(farm.dataDir, { recursive: true, force: true });
      }
    });

    async function up(url: string): Promise<RunningFarm> {
      const dataDir = await mkdtemp(join(tmpdir(), 'kiln-up-'));
      const farm = startKiln(dataDir, ['--no-starter'], { KILN_DATABASE_URL: url });
      farms.push(farm);
      return farm;
    }

    /** The one error of a farm that gives up. */
    async function refusal(url: string): Promise<string> {
      const farm = await up(url);
      expect(await farm.ended).toBe(1);
      expect(farm.noise).toEqual([]);
      const errors = farm.events.filter((event) => event.level === 'error' || event.level === 'warn');
      expect(errors).toEqual([expect.objectContaining({ level: 'error', msg: 'kiln exited with error' })]);
      expect(JSON.stringify(farm.events)).not.toMatch(new RegExp(`${server.password}|wrong-one`));
      return String(errors[0]?.error);
    }

    const at = (database: string, port = server.port) =>
      `Kiln can't use database "${database}" at 127.0.0.1:${port} (user "kiln"): `;

    test('for the password', async () => {
      expect(await refusal(server.url('kiln', { password: 'wrong-one' }))).toBe(
        `${at('kiln')}password authentication failed for user "kiln"; check the user and the password in database.url (KILN_DATABASE_URL)`,
      );
    });

    test('because the database is not there', async () => {
      expect(await refusal(server.url('nowhere'))).toContain(`${at('nowhere')}database "nowhere" does not exist; `);
    });

    test('because the user may not make tables', async () => {
      await server.sql('CREATE DATABASE foreign_one', `CREATE ROLE guest LOGIN PASSWORD '${server.password}'`);
      const url = server.url('foreign_one').replace('//kiln:', '//guest:');
      expect(await refusal(url)).toMatch(/database "foreign_one" at .* \(user "guest"\): permission denied .*; make /);
    });

    test('for its encoding', async () => {
      await server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
      expect(await refusal(server.url('ascii'))).toContain(`${at('ascii')}its encoding is SQL_ASCII`);
    });

    test('for its age', async () => {
      const [found] = await server.sql("SELECT current_setting('server_version_num') AS number");
      const number = String(found?.number);
      const older = await proxy(server.port, (bytes) =>
        Buffer.from(bytes.toString('latin1').replace(number, `14${number.slice(2)}`), 'latin1'),
      );
      expect(await refusal(server.url('kiln', { port: older.port }))).toMatch(
        /^Kiln can't use database "kiln" .*: it is PostgreSQL .*, and Kiln needs 15 or later; /,
      );
      await older.close();
    });

    test('because it offers no TLS', async () => {
      expect(await refusal(`${server.url('kiln')}?sslmode=require`)).toMatch(/; the server offers no TLS: /);
    });

    test('because a slash in its password was not encoded', async () => {
      expect(await refusal(server.url('kiln', { password: `${server.password}/wrong-one` }))).toBe(
        'KILN_DATABASE_URL: database.url: cannot be read; write / ? # @ % in the password as %2F %3F %23 %40 %25',
      );
    });

    const waiting = (farm: RunningFarm) =>
      farm.events.filter((event) => event.msg === 'PostgreSQL does not answer yet');

    test('yet: it waits, says where, and stops when told', async () => {
      // The server has its port on another address, so nobody else can take it there.
      const farm = await up(server.url('kiln').replace('127.0.0.1', '127.0.0.77'));
      await until('it waits', () => waiting(farm).length > 0);
      expect(await stopKiln(farm)).toBe(0);
      expect(waiting(farm)).toEqual([
        expect.objectContaining({
          level: 'warn',
          database: `database "kiln" at 127.0.0.77:${server.port} (user "kiln")`,
          error: `connect ECONNREFUSED 127.0.0.77:${server.port}`,
        }),
      ]);
    });

    test('yet: it tries again and again, and says so once', async () => {
      let tries = 0;
      const shut = createServer((client) => {
        tries += 1;
        client.destroy();
      });
      const farm = await up(server.url('kiln', { port: await listen(shut) }));
      await until('it says so', () => waiting(farm).length > 0);
      const before = tries;
      await until('it tried again and again', () => tries >= before + 4);
      expect(waiting(farm)).toHaveLength(1);
      expect(await stopKiln(farm)).toBe(0);
      await new Promise((resolve) => shut.close(resolve));
    });
  });
});

/** The numbers that the job printed, in the order of its log. */
async function printed(farm: Farm, run: RunDetail): Promise<number[]> {
  const [job] = run.jobList;
  const response = await fetch(`${farm.url}/api/jobs/${job?.jobId}/log.txt?attempt=${job?.attempt}`, {
    headers: { authorization: `Bearer ${farm.token}` },
  });
  return [...(await response.text()).matchAll(/^line (\d+)$/gm)].map((match) => Number(match[1]));
}

/** Lets a server listen on a port of the system's choice. */
async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Stands before a PostgreSQL and changes what it says. */
async function proxy(
  port: number,
  change: (bytes: Buffer) => Buffer,
): Promise<{ port: number; close(): Promise<void> }> {
  const listener: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (bytes) => client.write(change(bytes))).on('close', () => client.destroy());
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
  });
  return {
    port: await listen(listener),
    close: async () => await new Promise<void>((resolve) => listener.close(() => resolve())),
  };
}
