// Makes grpc-js tell all it knows: read when it is loaded, so this file is imported before anything else.

process.env.GRPC_TRACE = 'all';
process.env.GRPC_VERBOSITY = 'DEBUG';
