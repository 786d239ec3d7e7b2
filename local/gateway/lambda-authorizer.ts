// API Gateway's Lambda authorizer, payload format 2.0: a function decides, simply or with an IAM policy.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html

import * as v from 'valibot';
import type { LambdaAuthorizerDefinition } from '../assembly/http-api-authorizers.ts';
import { readPolicyDocument } from '../assembly/policy-documents.ts';
import { evaluate } from '../aws/iam.ts';
import { forbidden, gatewayAnswer, internalServerError } from './answer.ts';
import type { Authorization } from './authorization.ts';

export interface LambdaAuthorizerOptions {
  readonly definition: LambdaAuthorizerDefinition;
  /** Asks the function. Rejects when it failed, was late, or may not be invoked. */
  readonly ask: (event: unknown) => Promise<unknown>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Question {
  /** Values of the identity sources, in order; undefined where one is absent. */
  readonly identities: readonly (string | undefined)[];
  readonly routeArn: string;
  readonly event: (identitySource: readonly string[]) => unknown;
}

const simpleSchema = v.looseObject({
  isAuthorized: v.boolean(),
  context: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
});

const policySchema = v.looseObject({
  principalId: v.string(),
  policyDocument: v.unknown(),
  context: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
});

export class LambdaAuthorizer {
  readonly #options: LambdaAuthorizerOptions;
  readonly #kept = new Map<string, { readonly result: unknown; readonly untilMs: number }>();

  constructor(options: LambdaAuthorizerOptions) {
    this.#options = options;
  }

  async authorize({ identities, routeArn, event }: Question): Promise<Authorization> {
    const present = identities.filter((identity) => identity !== undefined);
    if (present.length < identities.length) {
      const error = 'an identity source is missing';
      return { allowed: false, error, answer: gatewayAnswer(401, 'Unauthorized') };
    }
    try {
      return this.#judge(await this.#result(present, event), routeArn);
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : 'the authorizer failed';
      return { allowed: false, error, answer: internalServerError };
    }
  }

  async #result(identities: readonly string[], event: Question['event']): Promise<unknown> {
    const { definition, ask, now } = this.#options;
    const key = JSON.stringify(identities);
    const kept = this.#kept.get(key);
    if (kept !== undefined && now() < kept.untilMs) return kept.result;
    const result = await ask(event(identities));
    // Without identity sources there is nothing to tell one caller from another by.
    if (definition.resultTtlSeconds > 0 && identities.length > 0) {
      const untilMs = now() + definition.resultTtlSeconds * 1000;
      this.#kept.set(key, { result, untilMs });
    }
    return result;
  }

  #judge(result: unknown, routeArn: string): Authorization {
    const denied: Authorization = {
      allowed: false,
      error: 'the function denied',
      answer: forbidden,
    };
    if (this.#options.definition.simpleResponses) {
      const { isAuthorized, context } = v.parse(simpleSchema, result);
      return isAuthorized ? { allowed: true, context: { lambda: context ?? null } } : denied;
    }
    const { principalId, policyDocument, context } = v.parse(policySchema, result);
    const { decision } = evaluate(readPolicyDocument(policyDocument, 'the authorizer’s policy'), {
      action: 'execute-api:Invoke',
      resource: routeArn,
    });
    return decision === 'allow'
      ? { allowed: true, context: { lambda: context ?? null }, principalId }
      : denied;
  }
}
