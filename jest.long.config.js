import everyday from './jest.config.js';

// What takes long because it proves by exhaustion, or because it has to wait; `.ci/run` has both.
/** @type {import('jest').Config} */
export default {
  ...everyday,
  testMatch: ['**/*.long.test.ts'],
  testPathIgnorePatterns: [],
};
