// What Lambda's runtime does for a handler: loads it, and tells it about the call.
'use strict';

const { AWS_LAMBDA_FUNCTION_NAME: functionName, AWS_LAMBDA_FUNCTION_MEMORY_SIZE } = process.env;

// CommonJS is required and never imported: `import()` of it takes half as long again.
exports.load = async (file) =>
  (file.endsWith('.mjs')
    ? await import(require('node:url').pathToFileURL(file).href)
    : require(file)
  ).handler;

exports.context = {
  awsRequestId: '11111111-2222-4333-8444-555555555555',
  functionName,
  functionVersion: '$LATEST',
  invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
  memoryLimitInMB: AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  logGroupName: `/aws/lambda/${functionName}`,
  logStreamName: 'bench',
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => 15_000,
};
