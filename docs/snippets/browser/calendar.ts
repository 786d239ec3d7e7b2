import { CacheGet } from '@gomomento/sdk-web';
import { followTopic } from '../../../client/browser/index.ts';
import type { momentoOf } from './momento.ts';

export async function showCalendar(
  { cache, topics }: ReturnType<typeof momentoOf>,
  tenant: string,
  show: (text: string) => void,
) {
  const load = async () => {
    const answer = await cache.use((client) => client.get('calendar-events', `${tenant}:today`));
    if (answer instanceof CacheGet.Hit) show(answer.valueString());
  };
  const follower = followTopic(topics, 'collaboration', `${tenant}-events`, {
    onItem: (item) => show(item.valueString()),
    // Messages are missing: what they would have told is in the cache.
    onGap: load,
  });
  await follower.subscribed;
  await load();
  return follower;
}
