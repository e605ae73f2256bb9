// The same route as the producer's, as one would write it with Node.js and kafkajs: each post is sent with acks=all,
// and answered once Kafka has acknowledged.
//
//     node main.js BROKER TOPIC PORT

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Kafka, logLevel } from 'kafkajs';

const [broker, topic, port] = process.argv.slice(2);
const producer = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR }).producer();
const has = (text, least, most) => typeof text === 'string' && text.length >= least && text.length <= most;

async function create(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { title, content } = JSON.parse(Buffer.concat(chunks));
  if (!has(title, 2, 100) || !has(content, 10, 1000)) return [400, { error: 'invalid' }];
  const id = randomUUID();
  await producer.send({ topic, acks: -1, messages: [{ key: id, value: JSON.stringify({ title, content }) }] });
  return [201, { id }];
}

await producer.connect();
createServer((request, response) => {
  create(request)
    .catch((error) => [503, { error: error.message }])
    .then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
}).listen(port, '127.0.0.1', () => console.log('listening'));
