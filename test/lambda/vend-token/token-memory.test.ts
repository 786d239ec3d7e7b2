// What a process remembers is bounded.

import { expect, test } from '@jest/globals';
import { TokenMemory } from '../../../lambda/vend-token/token-memory.ts';

const AT_MOST = 4_000;
const filled = (count: number) => {
  const memory = new TokenMemory<number>();
  for (let index = 0; index < count; index += 1) memory.set(`key-${index}`, index);
  return memory;
};

test('as many as fit are all there; one more, and what was set longest ago is gone', () => {
  const memory = filled(AT_MOST);
  expect(memory.get('key-0')).toBe(0);
  memory.set('another', -1);
  expect(memory.get('key-0')).toBeUndefined();
  expect(memory.get('key-1')).toBe(1);
  expect(memory.get('another')).toBe(-1);
});

test('what is set again stays, is the new one, and takes no room of another', () => {
  const memory = filled(AT_MOST);
  memory.set('key-0', 7);
  expect(memory.get('key-1')).toBe(1);
  memory.set('another', -1);
  expect(memory.get('key-0')).toBe(7);
  expect(memory.get('key-1')).toBeUndefined();
});
