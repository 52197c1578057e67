// One configuration for every suite. `FLOODGATE_NEST=nest10|nest11` runs it on that line of NestJS (see matrix/).
const line = process.env.FLOODGATE_NEST;
const fromLine = (name) => `<rootDir>/matrix/${line}/node_modules/${name}`;

const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
};

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/sample'],
  // What needs the built package is a part of `npm run test:package`.
  testMatch: [process.env.FLOODGATE_BUILT ? '**/*.built.ts' : '**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-floodgate$': '<rootDir>/lib/index.ts',
    '^nestjs-floodgate/store$': '<rootDir>/lib/stores/index.ts',
    '^nestjs-floodgate/testing$': '<rootDir>/lib/testing/index.ts',
    // Nest's peers come with it: an Observable, an error or the metadata of another copy would not be its own.
    ...(line ? { '^((?:@nestjs/[^/]+|rxjs|reflect-metadata|graphql)(?:/.*)?)$': fromLine('$1') } : {}),
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/matrix/[^/]+/node_modules/nestjs-floodgate'],
  maxWorkers: '100%',
  // The modules of spec files that are done stay in the heap of a worker, and its collector would take a quarter of the time.
  workerIdleMemoryLimit: '500MB',
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  testTimeout: 60_000,
  coverageProvider: 'v8',
  collectCoverageFrom: ['lib/**/*.ts'],
};
