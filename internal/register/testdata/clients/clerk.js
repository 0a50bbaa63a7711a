// A clerk's day with node-postgres, through an enforcing guard: argv is a JSON of what a Client takes.
const assert = require('assert')
const fs = require('fs')
const { Client } = require('pg')

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))
const ids = (r) => r.rows.map((x) => x.id)

async function main() {
  const options = JSON.parse(process.argv[2])
  if (options.ca) options.ssl = { ca: fs.readFileSync(options.ca), servername: 'localhost' }
  const client = new Client(options)
  await client.connect()
  for (const voter of range(1000, 1004)) {
    const r = await client.query('SELECT id, name, born FROM voters WHERE id = $1', [voter])
    assert.deepStrictEqual(ids(r), [voter])
    assert(r.rows[0].name.startsWith('Voter '))
  }
  await assert.rejects(client.query("SELECT string_agg(name, ',') FROM voters"), (e) => e.code === '42501' && Boolean(e.hint))
  // a named statement, prepared once
  for (const [from, to] of [[1100, 1109], [1110, 1119]]) {
    const r = await client.query({ name: 'batch', text: 'SELECT id, name FROM voters WHERE id BETWEEN $1 AND $2 ORDER BY id', values: [from, to] })
    assert.deepStrictEqual(ids(r), range(from, to))
  }
  const got = []
  const bulk = client.query(new (require('pg').Query)('SELECT id, name FROM voters WHERE id BETWEEN 2000 AND 2999 ORDER BY id'))
  bulk.on('row', (row) => got.push(row.id))
  const end = await new Promise((resolve) => { bulk.on('error', resolve); bulk.on('end', () => resolve(null)) })
  assert(end && end.code === '53400' && end.message.includes('each clerk') && end.hint, String(end))
  assert.deepStrictEqual(got, range(2000, 2024)) // the rows before the refusal arrive
  assert.strictEqual((await client.query('SELECT name FROM voters WHERE id IN (1000, 1004)')).rowCount, 2)
  assert.deepStrictEqual((await client.query('SELECT name FROM offices')).rows, [{ name: 'Town Hall' }])
  await assert.rejects(client.query('SELECT id FROM voters WHERE id = $1', [50000]), { code: '53400' })
  await client.end()
  console.log('ok')
}

main().catch((e) => { console.error(e); process.exit(1) })
