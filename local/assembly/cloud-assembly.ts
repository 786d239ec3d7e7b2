// Reads a cloud assembly (the CDK's output directory): its stacks, their templates and their assets.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { AssemblyError, narrow } from './template.ts';

export interface StackArtifact {
  readonly stackName: string;
  readonly templatePath: string;
  /** Asset file or directory by the object key under which the template refers to it. */
  readonly assetPathByObjectKey: ReadonlyMap<string, string>;
}

const metadataSchema = v.record(
  v.string(),
  v.array(v.looseObject({ type: v.string(), data: v.optional(v.unknown()) })),
);

const manifestSchema = v.looseObject({
  artifacts: v.optional(
    v.record(
      v.string(),
      v.looseObject({
        type: v.string(),
        properties: v.optional(v.record(v.string(), v.unknown()), {}),
        dependencies: v.optional(v.array(v.string()), []),
        metadata: v.optional(metadataSchema, {}),
        additionalMetadataFile: v.optional(v.string()),
      }),
    ),
    {},
  ),
  missing: v.optional(v.array(v.looseObject({ key: v.string() })), []),
});

const stackPropertiesSchema = v.looseObject({
  templateFile: v.string(),
  stackName: v.optional(v.string()),
});

const assetManifestSchema = v.looseObject({
  files: v.optional(
    v.record(
      v.string(),
      v.looseObject({
        source: v.looseObject({ path: v.optional(v.string()) }),
        destinations: v.record(v.string(), v.looseObject({ objectKey: v.string() })),
      }),
    ),
    {},
  ),
});

/**
 * All stacks of the assembly, those of nested assemblies (stages) included.
 * Throws `synthesis-failed` where the app annotated an error or asks for a look-up in an account,
 * as the CDK CLI refuses to deploy then.
 */
export function readStacks(directory: string): StackArtifact[] {
  const manifest = narrow(
    manifestSchema,
    readJson(join(directory, 'manifest.json')),
    'manifest.json',
  );
  if (manifest.missing.length > 0) {
    const keys = manifest.missing.map(({ key }) => key).join(', ');
    throw new AssemblyError('synthesis-failed', `the app needs look-ups in an account: ${keys}`);
  }
  const artifacts = Object.entries(manifest.artifacts);
  const errors = artifacts.flatMap(([, artifact]) => [
    ...annotatedErrors(artifact.metadata),
    ...(artifact.additionalMetadataFile === undefined
      ? []
      : annotatedErrors(
          narrow(
            metadataSchema,
            readJson(join(directory, artifact.additionalMetadataFile)),
            artifact.additionalMetadataFile,
          ),
        )),
  ]);
  if (errors.length > 0) throw new AssemblyError('synthesis-failed', errors.join('\n'));

  return artifacts.flatMap(([id, artifact]) => {
    if (artifact.type === 'cdk:cloud-assembly') {
      const nested = narrow(v.looseObject({ directoryName: v.string() }), artifact.properties, id);
      return readStacks(join(directory, nested.directoryName));
    }
    if (artifact.type !== 'aws:cloudformation:stack') return [];
    const { templateFile, stackName } = narrow(stackPropertiesSchema, artifact.properties, id);
    const assetManifests = artifact.dependencies.flatMap((dependency) => {
      const properties = manifest.artifacts[dependency];
      return properties?.type === 'cdk:asset-manifest'
        ? [narrow(v.looseObject({ file: v.string() }), properties.properties, dependency).file]
        : [];
    });
    return [
      {
        stackName: stackName ?? id,
        templatePath: join(directory, templateFile),
        assetPathByObjectKey: new Map(
          assetManifests.flatMap((file) => assetPaths(directory, file)),
        ),
      },
    ];
  });
}

export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new AssemblyError('malformed', `${path} cannot be read as JSON`, { cause });
  }
}

function annotatedErrors(metadata: v.InferOutput<typeof metadataSchema>): string[] {
  return Object.entries(metadata).flatMap(([path, entries]) =>
    entries.filter(({ type }) => type === 'aws:cdk:error').map(({ data }) => `${path}: ${data}`),
  );
}

function assetPaths(directory: string, file: string): [string, string][] {
  const { files } = narrow(assetManifestSchema, readJson(join(directory, file)), file);
  return Object.values(files).flatMap(({ source, destinations }) => {
    const { path } = source;
    if (path === undefined) return [];
    return Object.values(destinations).map(({ objectKey }): [string, string] => [
      objectKey,
      join(directory, path),
    ]);
  });
}
