// The CDK app: configuration from the context, one stack, and the checks that every synthesis runs.
// Its `core` everywhere: whoever imports `aws-cdk-lib` itself by name loads the indexes of 350 services.
import { App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type Config, ConfigError, parseConfig } from '../lib/config.ts';
import { MomentoAuthStack } from '../lib/momento-auth-stack.ts';

// CDK's built-in check of templates takes as long as all the rest together; a test runs it instead.
const app = new App({ builtinCloudFormationValidation: false });
const config = configOf(app);
new MomentoAuthStack(app, config.stackName, { config });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

function configOf(app: App): Config {
  try {
    return parseConfig(app.node.tryGetContext('momentoAuth'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    // Not `process.exitCode`: CDK would go on to synthesize an app without a stack.
    process.exit(1);
  }
}
