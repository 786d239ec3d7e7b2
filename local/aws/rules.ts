// EventBridge's rules: those of the template, each on or off. Turning one off or on lasts until this stack ends.

import { AwsError } from './aws-error.ts';

export interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  /** At first. */
  readonly enabled: boolean;
  readonly scheduleExpression: string | null;
  readonly targets: readonly { readonly arn: string }[];
}

export class Rules {
  readonly #rules: readonly Rule[];
  readonly #enabled: Set<Rule>;
  readonly #onSwitched: (rule: Rule, isEnabled: boolean) => void;

  /** @param onSwitched told once for each change, and not of what a rule is at first */
  constructor(
    rules: readonly Rule[],
    onSwitched: (rule: Rule, isEnabled: boolean) => void = () => {},
  ) {
    this.#rules = rules;
    this.#enabled = new Set(rules.filter(({ enabled }) => enabled));
    this.#onSwitched = onSwitched;
  }

  list(busName?: string): readonly Rule[] {
    return this.#rules.filter((rule) => busName === undefined || rule.busName === busName);
  }

  /** Undefined where there is none. */
  find(name: string, busName: string): Rule | undefined {
    return this.#rules.find((rule) => rule.name === name && rule.busName === busName);
  }

  /** @throws AwsError ResourceNotFoundException */
  get(name: string, busName: string): Rule {
    const rule = this.find(name, busName);
    if (rule !== undefined) return rule;
    throw new AwsError(
      'ResourceNotFoundException',
      `Rule ${name.slice(0, 64)} does not exist on EventBus ${busName}.`,
    );
  }

  isEnabled(rule: Rule): boolean {
    return this.#enabled.has(rule);
  }

  /**
   * What it is already is no change, and no error.
   * @throws AwsError ResourceNotFoundException
   */
  switch(name: string, busName: string, isEnabled: boolean): void {
    const rule = this.get(name, busName);
    if (this.isEnabled(rule) === isEnabled) return;
    if (isEnabled) this.#enabled.add(rule);
    else this.#enabled.delete(rule);
    this.#onSwitched(rule, isEnabled);
  }
}
