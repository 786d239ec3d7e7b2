// The stand-in servers in a process of their own, so that they do not disturb what is measured.
//   ASSEMBLY as argument; says what it is as a line of JSON; then a line of events for each line that it reads.

import { createInterface } from 'node:readline';
import { startServers } from './servers.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const servers = await startServers(process.argv[2] ?? 'cdk.out');
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
say(servers.described);
// Whoever started it has left: there is nothing to serve.
for await (const _ of createInterface({ input: process.stdin })) say(servers.takeEvents());
await servers.close();
