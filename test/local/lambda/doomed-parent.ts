// Runs a function that never ends, says which processes that makes, and waits to be killed.

import { LocalFunction } from '../../../local/lambda/function.ts';
import { definitionOf } from './bundle.ts';

const [codeDir = '', how = ''] = process.argv.slice(2);
const local = new LocalFunction({
  definition: definitionOf({ codeDir, timeoutSeconds: 600 }),
  region: 'eu-west-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  onLog: (line) => console.log(line),
});
await local.invoke({ [how]: true });
