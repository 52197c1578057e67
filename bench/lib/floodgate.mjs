// Our package as it is built and published, and not its source.
export * from '../../dist/esm/index.js';
