// The operator's command.

import { fileURLToPath } from 'node:url';
import { run } from '../operator/command.ts';

// The AWS SDK's advice is about this machine's Node.js, not about what was asked for.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isInterrupted = true;
  });
}
process.exitCode = await run(process.argv.slice(2), {
  projectDirectory: fileURLToPath(new URL('..', import.meta.url)),
});
// What was under way would keep the process until it is answered.
if (isInterrupted) process.exit();
