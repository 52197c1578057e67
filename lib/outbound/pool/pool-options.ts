import { checkFunction, checkKnownOptions, checkObject, checkOneOf, checkText } from '../../common/checks.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import { show } from '../../errors/show.js';
import { renamed } from '../../options/make-policy.js';
import { checkName, checkWait } from '../../options/parse-policy.js';
import { Policy } from '../../options/policy.js';
import type { ProviderReport, ProviderResponse } from '../reports/provider-report.js';
import { readReport } from '../reports/read-report.js';

export interface Credential<T> {
  /** What it is called in Redis, decisions and logs, instead of its value: no secret. */
  id: string;
  /** What requests need: a token, or an object with whatever belongs to it. It leaves this process only with requests. */
  value: T;
  /** Its own limit; by default the `policy` of the pool. */
  policy?: Policy;
}

export interface CredentialPoolOptions<T> {
  /** The same in all instances. */
  name: string;
  credentials: readonly Credential<T>[];
  /** The limit of each credential that has none of its own. Buckets are not shared: each has one. */
  policy?: Policy;
  /** Stay with a credential until it is spent, instead of taking the one with the most tokens left. */
  sticky?: boolean;
  /** Finds in a response what is left; by default `readReport`. */
  read?: (response: ProviderResponse) => ProviderReport | undefined;
  /** A longer wait than this is not believed, in milliseconds; by default a day. Then it is asked again. */
  maxBlockMs?: number;
  /** Whether a response says that the credential is no good; by default where its status is 401. */
  isRevoked?: (response: ProviderResponse) => boolean;
}

/** A credential with a policy that is named after it. */
export interface PooledCredential<T> {
  readonly id: string;
  readonly value: T;
  readonly policy: Policy;
}

const DAY_MS = 86_400_000;

const KNOWN = ['name', 'credentials', 'policy', 'sticky', 'read', 'maxBlockMs', 'isRevoked'];

/** Checks and completes. @throws RateLimitError with the code of what is wrong */
export function parsePool<T>(options: CredentialPoolOptions<T>) {
  checkObject(options, 'CredentialPool', "{ name: 'github', policy, credentials: [{ id, value }] }");
  checkKnownOptions(options, KNOWN, 'CredentialPool');
  const { name, credentials, policy, sticky = false, read = readReport, isRevoked = is401 } = options;
  const { maxBlockMs = DAY_MS } = options;
  checkName(name, 'CredentialPool');
  const place = `CredentialPool '${name}'`;
  checkOneOf(sticky, [true, false], `${place}: sticky`);
  checkFunction(read, `${place}: read`, 'readGitHub');
  checkWait(maxBlockMs, `${place}: maxBlockMs`);
  checkFunction(isRevoked, `${place}: isRevoked`, '({ status }) => status === 401');
  return {
    name,
    credentials: parseCredentials(name, credentials, policy, place),
    sticky,
    read,
    maxBlockMs,
    isRevoked,
  };
}

function parseCredentials<T>(
  pool: string,
  credentials: readonly Credential<T>[],
  shared: Policy | undefined,
  place: string,
): PooledCredential<T>[] {
  if (!Array.isArray(credentials) || credentials.length === 0) {
    throw noCredential(`${place}: credentials`, credentials, "[{ id: 'first', value: token }]");
  }
  const ids = new Set<string>();
  return Array.from(credentials, (credential: Credential<T>, i) => {
    const here = `${place}: credentials[${i}]`;
    if (typeof credential === 'string') throw noCredential(here, credential, "{ id: 'first', value: token }");
    checkObject(credential, here, "{ id: 'first', value: token }");
    checkKnownOptions(credential, ['id', 'value', 'policy'], here);
    const { id, value, policy = shared } = credential;
    checkText(id, `${here}: id`, "'first'");
    if (ids.has(id))
      throw new RateLimitError('INVALID_OPTION', `${here}: the id ${show(id)} is taken; write another`);
    ids.add(id);
    // A variable of the environment that is not set would be found out by the provider only.
    if (value === undefined || value === null || value === '') {
      throw new RateLimitError(
        'INVALID_OPTION',
        `${here}: value is ${show(value)}; write the credential itself`,
      );
    }
    if (!(policy instanceof Policy)) {
      throw new RateLimitError(
        'INVALID_OPTION',
        `${here}: policy is ${show(policy)}; write tokenBucket({ capacity, rate }) here or for the pool`,
      );
    }
    if (policy.limits !== undefined) {
      throw new RateLimitError(
        'INVALID_OPTION',
        `${here}: the policy has limits, which ask a request, and here is none; write capacity and rate`,
      );
    }
    const policyName = `${pool}/${id}`;
    checkName(policyName, here);
    return { id, value, policy: renamed(policy, policyName) };
  });
}

/** A text in the place of credentials is a token, and no message shows one. */
function noCredential(place: string, value: unknown, example: string): RateLimitError {
  const shown = typeof value === 'string' ? 'a text, not shown' : show(value);
  return new RateLimitError('INVALID_OPTION', `${place} is ${shown}; write ${example}`);
}

const is401 = ({ status }: ProviderResponse): boolean => status === 401;
