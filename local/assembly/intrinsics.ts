// CloudFormation's intrinsic functions, resolved against one deployment. What is not imitated throws.

import {
  attributeOf,
  type Deployment,
  type NamedResource,
  type PhysicalResource,
  physicalResource,
  stackIdOf,
} from './physical.ts';
import { AssemblyError, type Template } from './template.ts';

/** A resource of the template with everything in it resolved. */
export interface ResolvedResource extends PhysicalResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string | undefined;
}

/** What `{"Ref": "AWS::NoValue"}` resolves to: the property or list element that holds it goes away. */
const NO_VALUE = Symbol('AWS::NoValue');

/**
 * Resolves lazily: only what a reader asks for, so that an intrinsic which is not imitated matters
 * only where the local stack needs its value.
 */
export class ResolvedTemplate {
  readonly deployment: Deployment;
  readonly #template: Template;
  readonly #parameters: Readonly<Record<string, string>>;

  /** @param parameters values of the template's Parameters; those not given keep their defaults. */
  constructor(
    template: Template,
    deployment: Deployment,
    parameters: Readonly<Record<string, string>> = {},
  ) {
    this.#template = template;
    this.deployment = deployment;
    this.#parameters = parameters;
  }

  /** Every resource of the type whose Condition, if it has one, holds. */
  resources(type: string): ResolvedResource[] {
    return Object.entries(this.#template.Resources).flatMap(([logicalId, resource]) => {
      if (resource.Type !== type) return [];
      if (resource.Condition !== undefined && !this.#named(resource.Condition, logicalId))
        return [];
      return [
        {
          logicalId,
          type,
          ...physicalResource(this.#resource(logicalId, 'Ref', logicalId), this.deployment),
          properties: record(this.resolve(resource.Properties, logicalId), logicalId),
          metadata: resource.Metadata,
          deletionPolicy: resource.DeletionPolicy,
        },
      ];
    });
  }

  /** The Outputs whose Condition, if they have one, holds; values resolved. */
  outputs(): { logicalId: string; output: Record<string, unknown> }[] {
    return Object.entries(this.#template.Outputs).flatMap(([logicalId, output]) => {
      const condition = output.Condition;
      if (typeof condition === 'string' && !this.#named(condition, logicalId)) return [];
      return [{ logicalId, output: record(this.resolve(output, logicalId), logicalId) }];
    });
  }

  /** @param logicalId where `value` stands; errors name it. */
  resolve(value: unknown, logicalId: string): unknown {
    const resolved = this.#resolve(value, logicalId);
    if (resolved === NO_VALUE)
      throw malformed('Ref AWS::NoValue', logicalId, 'nothing to leave out');
    return resolved;
  }

  #resolve(value: unknown, at: string): unknown {
    if (typeof value === 'string') {
      if (value.includes('{{resolve:')) throw unsupported('dynamic reference {{resolve:…}}', at);
      return value;
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.#resolve(item, at)).filter((item) => item !== NO_VALUE);
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (first !== undefined && (first[0] === 'Ref' || first[0].startsWith('Fn::'))) {
      if (entries.length !== 1) throw malformed(first[0], at, 'stands beside other keys');
      return this.#intrinsic(first[0], first[1], at);
    }
    return Object.fromEntries(
      entries
        .map(([key, item]) => [key, this.#resolve(item, at)] as const)
        .filter(([, item]) => item !== NO_VALUE),
    );
  }

  #intrinsic(name: string, argument: unknown, at: string): unknown {
    switch (name) {
      case 'Ref':
        return this.#ref(text(argument, name, at), at);
      case 'Fn::GetAtt':
        return this.#getAtt(argument, at);
      case 'Fn::Join': {
        const [separator, items] = pair(argument, name, at);
        return this.#list(items, name, at).join(this.#text(separator, name, at));
      }
      case 'Fn::Split': {
        const [separator, source] = pair(argument, name, at);
        return this.#text(source, name, at).split(this.#text(separator, name, at));
      }
      case 'Fn::Select': {
        const [index, items] = pair(argument, name, at);
        const item = this.#list(items, name, at)[Number(this.#resolve(index, at))];
        if (item === undefined) throw malformed(name, at, `no element ${JSON.stringify(index)}`);
        return item;
      }
      case 'Fn::Sub':
        return this.#sub(argument, at);
      case 'Fn::If': {
        if (!Array.isArray(argument) || argument.length !== 3) {
          throw malformed(name, at, 'takes a condition and two values');
        }
        return this.#resolve(
          this.#named(text(argument[0], name, at), at) ? argument[1] : argument[2],
          at,
        );
      }
      case 'Fn::FindInMap': {
        if (!Array.isArray(argument) || argument.length !== 3) {
          throw malformed(name, at, 'takes a map and two keys (no default value here)');
        }
        const [map, top, second] = argument.map((key) => this.#text(key, name, at));
        const found = this.#template.Mappings[map ?? '']?.[top ?? '']?.[second ?? ''];
        if (found === undefined) throw unknownReference(name, `${map}.${top}.${second}`, at);
        return found;
      }
      default:
        throw unsupported(name, at);
    }
  }

  #ref(target: string, at: string): unknown {
    const { accountId, region, stackName } = this.deployment;
    switch (target) {
      case 'AWS::AccountId':
        return accountId;
      case 'AWS::Region':
        return region;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return stackName;
      case 'AWS::StackId':
        return stackIdOf(this.deployment);
      case 'AWS::NoValue':
        return NO_VALUE;
    }
    if (target.startsWith('AWS::')) throw unsupported(`Ref ${target}`, at);
    const parameter = own(this.#template.Parameters, target);
    if (parameter !== undefined) {
      const value = this.#parameters[target] ?? parameter.Default;
      if (value === undefined) throw malformed(`Ref ${target}`, at, 'parameter has no value');
      return value;
    }
    return physicalResource(this.#resource(target, 'Ref', at), this.deployment).ref;
  }

  #getAtt(argument: unknown, at: string): string {
    const name = 'Fn::GetAtt';
    const path = typeof argument === 'string' ? splitOnce(argument) : pair(argument, name, at);
    const target = text(path[0], name, at);
    try {
      return attributeOf(
        this.#resource(target, name, at),
        this.#text(path[1], name, at),
        this.deployment,
      );
    } catch (cause) {
      if (!(cause instanceof AssemblyError) || target === at) throw cause;
      throw new AssemblyError(cause.code, `${at}: ${cause.message}`, { cause });
    }
  }

  #sub(argument: unknown, at: string): string {
    const name = 'Fn::Sub';
    const [source, variables] =
      typeof argument === 'string' ? [argument, {}] : pair(argument, name, at);
    const given = record(variables, at);
    return text(source, name, at).replace(/\$\{(!?)([^}]*)\}/g, (_whole, literal, key: string) => {
      if (literal !== '') return `\${${key}}`;
      const variable = own(given, key);
      if (variable !== undefined) return this.#text(variable, name, at);
      return this.#text(key.includes('.') ? { 'Fn::GetAtt': key } : { Ref: key }, name, at);
    });
  }

  #named(condition: string, at: string): boolean {
    const definition = own(this.#template.Conditions, condition);
    if (definition === undefined) throw unknownReference('Condition', condition, at);
    return this.#condition(definition, condition);
  }

  #condition(value: unknown, at: string): boolean {
    const [entry, ...others] = Object.entries(record(value, at));
    if (entry === undefined || others.length > 0)
      throw malformed('Condition', at, 'needs one function');
    const [name, argument] = entry;
    if (name === 'Condition') return this.#named(text(argument, name, at), at);
    if (!Array.isArray(argument)) throw malformed(name, at, 'takes a list');
    switch (name) {
      case 'Fn::Equals': {
        const [left, right] = pair(argument, name, at);
        return this.#text(left, name, at) === this.#text(right, name, at);
      }
      case 'Fn::And':
        return argument.every((item) => this.#condition(item, at));
      case 'Fn::Or':
        return argument.some((item) => this.#condition(item, at));
      case 'Fn::Not':
        return !this.#condition(argument[0], at);
      default:
        throw unsupported(name, at);
    }
  }

  #resource(logicalId: string, intrinsic: string, at: string): NamedResource {
    const resource = own(this.#template.Resources, logicalId);
    if (resource === undefined) throw unknownReference(intrinsic, logicalId, at);
    return {
      logicalId,
      type: resource.Type,
      property: (name) => {
        const value = this.#resolve(resource.Properties[name], logicalId);
        return value === undefined || value === NO_VALUE ? undefined : text(value, name, logicalId);
      },
    };
  }

  #list(value: unknown, intrinsic: string, at: string): string[] {
    const items = this.#resolve(value, at);
    if (!Array.isArray(items)) throw malformed(intrinsic, at, 'takes a list');
    return items.map((item) => text(item, intrinsic, at));
  }

  #text(value: unknown, intrinsic: string, at: string): string {
    return text(this.#resolve(value, at), intrinsic, at);
  }
}

/** Never `record[key]`: a name like `constructor` would find what every object has. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function text(value: unknown, intrinsic: string, at: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw malformed(intrinsic, at, `needs text, got ${JSON.stringify(value) ?? String(value)}`);
}

function pair(value: unknown, intrinsic: string, at: string): [unknown, unknown] {
  if (Array.isArray(value) && value.length === 2) return [value[0], value[1]];
  throw malformed(intrinsic, at, 'takes a list of two');
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw malformed('object', at, `got ${JSON.stringify(value)}`);
}

function splitOnce(path: string): [string, string] {
  const dot = path.indexOf('.');
  return dot < 0 ? [path, ''] : [path.slice(0, dot), path.slice(dot + 1)];
}

function malformed(intrinsic: string, at: string, what: string): AssemblyError {
  return new AssemblyError('malformed', `${at}: ${intrinsic}: ${what}`);
}

function unsupported(intrinsic: string, at: string): AssemblyError {
  return new AssemblyError(
    'unsupported-intrinsic',
    `${at}: ${intrinsic} is not imitated by the local stack`,
  );
}

function unknownReference(intrinsic: string, target: string, at: string): AssemblyError {
  return new AssemblyError(
    'unknown-reference',
    `${at}: ${intrinsic}: the template has no ${target}`,
  );
}
