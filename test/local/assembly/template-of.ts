// Small templates, resolved against one fixed deployment.

import { ResolvedTemplate } from '../../../local/assembly/intrinsics.ts';
import type { Deployment } from '../../../local/assembly/physical.ts';
import { parseTemplate } from '../../../local/assembly/template.ts';

export const deployment: Deployment = {
  accountId: '111122223333',
  region: 'eu-west-1',
  stackName: 'MomentoAuth',
  queueBaseUrl: 'http://127.0.0.1:4566',
};

export interface TemplateSections {
  readonly Resources?: Record<string, unknown>;
  readonly [section: string]: unknown;
}

export function templateOf(
  { Resources = {}, ...sections }: TemplateSections,
  parameters: Record<string, string> = {},
): ResolvedTemplate {
  return new ResolvedTemplate(parseTemplate({ Resources, ...sections }), deployment, parameters);
}

/** A template of resources alone, each `[type, properties]`. */
export function resourcesOf(resources: Record<string, [string, unknown]>): ResolvedTemplate {
  const Resources = Object.fromEntries(
    Object.entries(resources).map(([logicalId, [Type, Properties]]) => [
      logicalId,
      { Type, Properties },
    ]),
  );
  return templateOf({ Resources });
}
