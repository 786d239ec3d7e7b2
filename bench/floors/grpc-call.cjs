// The same call by gRPC's own client: what an RPC costs with the package that everybody makes RPCs with.
'use strict';

const { readFileSync } = require('node:fs');
const { Client, credentials } = require('@grpc/grpc-js');

const { BENCH_TOKEN_ORIGIN: origin, BENCH_TOKEN_FRAME: frame, NODE_EXTRA_CA_CERTS } = process.env;
const PATH = '/token.Token/GenerateDisposableToken';
const FRAME_HEADER_BYTES = 5;
const asItIs = (bytes) => bytes;
let client;

exports.handler = () =>
  new Promise((resolve, reject) => {
    client ??= new Client(
      new URL(origin).host,
      credentials.createSsl(readFileSync(NODE_EXTRA_CA_CERTS)),
    );
    const request = Buffer.from(frame, 'base64').subarray(FRAME_HEADER_BYTES);
    const deadline = Date.now() + 3_000;
    client.makeUnaryRequest(PATH, asItIs, asItIs, request, { deadline }, (error, answer) =>
      error === null ? resolve({ statusCode: 200, body: `${answer.length}` }) : reject(error),
    );
  });
