// The page without the rest of the system: node browser/demo.mjs [--port 3000] [--visitors 200] [--failing]
import { parseArgs } from 'node:util';
import { DemoSite } from './mock/demo-site.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    visitors: { type: 'string', default: '200' },
    failing: { type: 'boolean', default: false },
  },
});

const site = await DemoSite.start({
  port: Number(values.port),
  visitors: Number(values.visitors),
  failing: values.failing,
});
console.log(site.url);
