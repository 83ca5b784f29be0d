import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { startFarm } from './support/farm.ts';
const farm = await startFarm({ recipes: {'a.yaml': "steps: ['true']\n"} });
await farm.finished((await farm.start('a','1')).runs[0]??'');
const pw=(await readFile(farm.data+'/postgres/password','utf8')).trim();
const pid=(await readFile(farm.data+'/postgres/cluster/postmaster.pid','utf8')).split('\n');
const sql=postgres({host:'127.0.0.1',port:Number(pid[3]),user:'kiln',password:pw,database:'kiln',max:1});
await sleep(5000);
const seen=new Map<string,number>(); const ids=new Set<string>();
const end=Date.now()+20000;
const [a]=await sql`select xact_commit from pg_stat_database where datname='kiln'`;
while(Date.now()<end){
  const rows=await sql`select pid, query_start::text as s, query from pg_stat_activity where datname='kiln' and pid<>pg_backend_pid()`;
  for(const r of rows){ const k=r.pid+r.s; if(ids.has(k)) continue; ids.add(k); const q=r.query.replace(/\s+/g,' ').slice(0,160); seen.set(q,(seen.get(q)??0)+1);}
  await sleep(3);
}
const [b]=await sql`select xact_commit from pg_stat_database where datname='kiln'`;
console.log('xacts',Number(b.xact_commit)-Number(a.xact_commit), 'own samples excluded?');
for(const [q,n] of [...seen].sort((x,y)=>y[1]-x[1])) console.log(n,q);
await sql.end(); await farm.remove();
