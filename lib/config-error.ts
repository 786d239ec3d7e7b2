// What is wrong with the configuration, all at once, for people.

/** One thing wrong with the configuration. */
export interface ConfigIssue {
  /** Where, as `momentoAuth.keys[1].secretArn` or `token-policies.json: roles.viewer.tokenId`. */
  readonly path: string;
  /** What stands there, as JSON, cut short; left out where the remedy says it. */
  readonly got?: string;
  /** What to write instead. */
  readonly remedy: string;
}

/** The configuration is wrong. `message` is made for people and holds every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_CONFIG';
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[], options?: ErrorOptions) {
    const problems = issues.map(({ path, got, remedy }) =>
      [
        `  ${path}`,
        ...(got === undefined ? [] : [`    got:    ${got}`]),
        `    remedy: ${remedy}`,
      ].join('\n'),
    );
    const count = issues.length === 1 ? 'a problem' : `${issues.length} problems`;
    super(`The configuration has ${count}:\n\n${problems.join('\n\n')}\n`, options);
    this.issues = issues;
  }
}
