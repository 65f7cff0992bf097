// Thrift over framed sockets: servers, clients and the generated code.
export {};
