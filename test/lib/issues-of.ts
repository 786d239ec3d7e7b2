// What is wrong with a configuration; fails if nothing is.
import { ConfigError, type ConfigIssue, parseConfig } from '../../lib/config.ts';

export function issuesOf(input: unknown, directory?: string): readonly ConfigIssue[] {
  try {
    parseConfig(input, directory);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
