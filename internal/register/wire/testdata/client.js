// What node-postgres makes of the gateway: argv is host and port.
const assert = require('assert')
const { Client } = require('pg')

async function main() {
  const client = new Client({ host: process.argv[2], port: +process.argv[3], user: 'postgres', database: 'postgres' })
  await client.connect()
  const r = await client.query('select id, name from voter where id <= $1 order by id', [5])
  assert.deepStrictEqual(r.rows.map((x) => x.id), [1, 2, 3, 4, 5])
  await assert.rejects(client.query('select forbidden'), (e) => e.code === '42501' && e.hint === 'Ask for it.')
  await client.query('begin')
  await assert.rejects(client.query({ name: 's', text: 'select id from voter where id <= $1', values: [10] }), { code: '53400' })
  await assert.rejects(client.query('select 1'), { code: '25P02' })
  await client.query('rollback')
  await client.query('select 1')
  await client.end()
  console.log('ok')
}

main().catch((e) => { console.error(e); process.exit(1) })
