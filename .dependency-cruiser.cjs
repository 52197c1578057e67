// The one-way imports of lib/, held by `npm run lint`. docs/architecture.md says why they point this way.

/** What each folder of lib/ may import of ours, besides itself. */
const MAY_IMPORT = {
  algorithms: [],
  common: ['errors'],
  errors: [],
  caller: [],
  keys: ['caller', 'common', 'errors'],
  options: ['algorithms', 'common', 'errors', 'keys'],
  stores: ['algorithms', 'common', 'errors'],
  outbound: ['common', 'errors', 'limiter', 'options'],
  limits: ['algorithms', 'common', 'errors', 'options'],
  limiter: ['algorithms', 'common', 'errors', 'keys', 'options', 'stores'],
  resilience: ['algorithms', 'common', 'errors', 'stores'],
  refusals: ['algorithms', 'common', 'stores'],
  leases: ['algorithms', 'common', 'stores'],
  observability: ['limiter', 'resilience'],
  plan: ['algorithms', 'caller', 'common', 'errors', 'keys', 'limiter', 'limits', 'options'],
  admin: ['common', 'errors', 'keys', 'limiter', 'options', 'plan'],
  transport: ['algorithms', 'caller', 'common', 'errors', 'limiter', 'options'],
  guard: ['algorithms', 'common', 'errors', 'keys', 'limiter', 'options', 'plan', 'stores', 'transport'],
  decorators: ['errors', 'guard', 'limiter', 'options', 'plan'],
};

/** Folders that may be imported for their types only: what they do is none of the importer's business. */
const TYPES_ONLY = { options: ['stores', 'limiter', 'transport'], plan: ['algorithms'] };

/** What may import all. */
const ABOVE = ['wiring', 'testing'];

const folders = [...Object.keys(MAY_IMPORT), ...ABOVE];
const anyOf = (names) => `^lib/(${names.join('|')})/`;

const oneWay = Object.keys(MAY_IMPORT).map((folder) => ({
  name: `lib/${folder}`,
  comment: `lib/${folder} may import ${[folder, ...MAY_IMPORT[folder]].join(', ')} of ours`,
  severity: 'error',
  from: { path: anyOf([folder]) },
  to: { path: '^lib/', pathNot: anyOf([folder, ...MAY_IMPORT[folder], ...(TYPES_ONLY[folder] ?? [])]) },
}));

const typesOnly = Object.entries(TYPES_ONLY).map(([folder, targets]) => ({
  name: `lib/${folder}: types only`,
  comment: `write 'import type': lib/${folder} needs no more than the types of ${targets.join(', ')}`,
  severity: 'error',
  from: { path: anyOf([folder]) },
  to: { path: anyOf(targets), dependencyTypesNot: ['type-only'] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...oneWay,
    ...typesOnly,
    {
      name: 'lib: every folder has a rule',
      comment: 'a new folder of lib/ says in MAY_IMPORT what it may import',
      severity: 'error',
      from: { path: '^lib/[^/]+/', pathNot: anyOf(folders) },
      to: {},
    },
    {
      name: 'lib: no import from a folder without a rule',
      comment: 'a new folder of lib/ says in MAY_IMPORT what it may import',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^lib/[^/]+/', pathNot: anyOf(folders) },
    },
    {
      name: 'lib/limiter/decision',
      comment: 'every transport and every user reads decisions: they stand on nothing of ours',
      severity: 'error',
      from: { path: '^lib/limiter/decision\\.ts$' },
      to: { path: '^lib/' },
    },
    {
      name: 'lib/rate-limit.module: the top',
      comment: 'the module wires everything, so whatever imports it imports everything',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(index\\.ts$|testing/)' },
      to: { path: '^lib/(index|rate-limit\\.module)\\.ts$' },
    },
    {
      name: 'lib/wiring: for the module alone',
      comment: 'whatever imports it imports everything',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(rate-limit\\.module\\.ts$|index\\.ts$|wiring/|testing/)' },
      to: { path: '^lib/wiring/' },
    },
    {
      name: 'lib/testing: for tests alone',
      comment: 'an application that runs loads nothing of it',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/testing/' },
      to: { path: '^lib/testing/' },
    },
    {
      name: 'no cycles',
      comment: 'not even of types: two files that need each other are one file, or three',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'lib stands alone',
      comment: 'tests, samples and benchmarks are not published',
      severity: 'error',
      from: { path: '^lib/' },
      to: { pathNot: ['^lib/', '(^|/)node_modules/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'only declared packages',
      comment: 'whoever installs the package gets its dependencies and peers, and nothing else',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-optional', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm', 'npm-peer'],
      },
    },
    {
      name: 'everything is found',
      comment: 'an import that nothing answers to escapes every other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count: a boundary that only the compiler crosses is crossed.
    tsPreCompilationDeps: 'specify',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
