// The page without the rest of the system: node browser/demo.mjs [--port 3000] [--visitors 200] [--troubled]
import { parseArgs } from 'node:util';
import { Showcase } from './showcase.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    visitors: { type: 'string', default: '200' },
    troubled: { type: 'boolean', default: false },
  },
});

const showcase = await Showcase.start({
  port: Number(values.port),
  visitors: Number(values.visitors),
  troubled: values.troubled,
});
console.log(showcase.url);
