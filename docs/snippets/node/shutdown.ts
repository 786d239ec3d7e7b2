import { momento } from './cache.ts';

process.once('SIGTERM', async () => {
  await momento.close();
  process.exit();
});
