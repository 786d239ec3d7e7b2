// The least that a token costs: one HTTP/2 connection and one call, with nothing read, rendered or logged.
'use strict';

const http2 = require('node:http2');

const { BENCH_TOKEN_ORIGIN: origin, BENCH_TOKEN_FRAME: frame } = process.env;
let session;

exports.handler = () =>
  new Promise((resolve, reject) => {
    session ??= http2.connect(origin).on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/token.Token/GenerateDisposableToken',
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    let status;
    let bytes = 0;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    stream.on('error', reject);
    stream.on('end', () => resolve({ statusCode: status === '0' ? 200 : 500, body: `${bytes}` }));
    stream.end(Buffer.from(frame, 'base64'));
  });
