// Judges a run afterwards, from what its processes have written down. It shares no code with the library: it knows what a bucket
// may admit, and what each policy has declared for the time in which its store does not answer.
import { worstWindow } from './excess.mjs';
import { stalledMs } from './stalls.mjs';

/**
 * @param {import('./check.mjs').History} history
 * @returns {import('./check.mjs').Violation[]} empty where nothing is wrong
 */
export function check(history) {
  return [
    ...unanswered(history),
    ...failed(history),
    ...undeclared(history),
    ...late(history),
    ...sharedBuckets(history),
    ...localBuckets(history),
    ...levels(history),
    ...recoveries(history),
  ];
}

/** Every request is answered. */
function unanswered({ decisions }) {
  return decisions
    .filter(({ received }) => received === null)
    .map((decision) => violation('unanswered', decision, 'was never answered'));
}

/** An error is no decision. Only what a policy denies is answered with 503. */
function failed({ decisions }) {
  return decisions
    .filter(({ error, status, source }) => error || (status >= 500 && !(status === 503 && source === 'deny')))
    .map((decision) => violation('failed', decision, `failed: ${decision.error ?? decision.status}`));
}

/** The store decides, or what the policy has declared. */
function undeclared({ decisions, policies }) {
  return decisions.filter(isAnswered).flatMap((decision) => {
    const { source, allowed, status } = decision;
    const declared = policyOf(policies, decision).onStoreError;
    if (source !== 'redis' && source !== declared) {
      return [violation('undeclared', decision, `was decided by ${source}, and its policy says ${declared}`)];
    }
    const wrong =
      (source === 'allow' && !allowed) ||
      (source === 'deny' && (allowed || (status !== null && status !== 503)));
    return wrong ? [violation('undeclared', decision, `${source} came to ${allowed}, status ${status}`)] : [];
  });
}

/** Nobody waits longer for an answer than the deadline and some slack, apart from the turn that was waited for. */
function late({ decisions, deadlineMs, slackMs }) {
  return decisions.filter(isAnswered).flatMap((decision) => {
    const ms = answerMs(decision);
    return ms > deadlineMs + slackMs
      ? [violation('late', decision, `was answered after ${ms.toFixed(1)} ms`)]
      : [];
  });
}

/** Milliseconds until the answer, without the turn that was waited for, and without those in which the process stood still. */
export const answerMs = ({ sent, received, waitedMs = 0, stalledMs = 0 }) =>
  Math.max(0, Number(received - sent) / 1e6 - waitedMs - stalledMs);

/**
 * What all processes together were admitted by the shared bucket is within its bound: since it was last lost as a whole, and but
 * for what replication has lost of it.
 */
function sharedBuckets(history) {
  return beyondBounds(history).flatMap(({ first, ticks, lost, perNs }) =>
    ticks > lost ? [tooMany('over-admission', first, ticks - lost, perNs)] : [],
  );
}

/** Of each bucket: by how many ticks its worst window is above its bound, and what replication has lost of it. */
export function beyondBounds({ decisions, policies, restarts = [], losses = [], clockSteps = [] }) {
  const admitted = decisions.filter((decision) => isAdmitted(decision) && decision.source === 'redis');
  const groups = groupBy(admitted, (decision) => sharedBucket(decision, restarts));
  return [...groups.values()].map((group) => {
    const [first] = group;
    const policy = policyOf(policies, first);
    const lost = losses
      .filter((loss) => isSameBucket(loss, first))
      .reduce((sum, { ticks }) => sum + ticks, 0n);
    const moved = group.map((decision) => onServer(decision, clockSteps));
    return { first, ticks: beyondBound(moved, policy), lost, perNs: policy.perNs };
  });
}

/**
 * What a process admits alone is within its own bucket. That is full again once the store has decided for it and is owed
 * what was taken.
 */
function localBuckets({ decisions, policies, instances = 1 }) {
  return [...localLives(decisions, policies).values()].flatMap((group) => {
    const policy = policyOf(policies, group[0]);
    const capacity = Math.max(1, Math.floor(policy.capacity / instances));
    const share = { ...policy, capacity, perNs: policy.perNs * BigInt(instances) };
    const ticks = beyondBound(group, share);
    return ticks > 0n ? [tooMany('local over-admission', group[0], ticks, share.perNs)] : [];
  });
}

function localLives(decisions, policies) {
  const [lives, groups] = [new Map(), new Map()];
  const byEnd = decisions.filter(isAnswered).sort((a, b) => (a.received < b.received ? -1 : 1));
  for (const decision of byEnd) {
    const { process, policy, key, source } = decision;
    // What is leased says nothing of the others: it may have been admitted without the store.
    const place = JSON.stringify([process, key, isLeased(policies, decision) ? policy : '']);
    if (source === 'redis') lives.set(place, (lives.get(place) ?? 0) + 1);
    if (source !== 'memory' || !isAdmitted(decision)) continue;
    const life = JSON.stringify([place, policy, lives.get(place) ?? 0]);
    if (!groups.has(life)) groups.set(life, []);
    groups.get(life).push(decision);
  }
  return groups;
}

function beyondBound(admissions, { capacity, tokens, perNs }) {
  const excess = worstWindow(admissions, { tokens, perNs }) - BigInt(capacity) * perNs;
  return excess > 0n ? excess : 0n;
}

const tooMany = (rule, first, ticks, perNs) =>
  violation(rule, first, `admitted ${Number((ticks * 1000n) / perNs) / 1000} tokens too many`);

/** A bucket that was lost as a whole is another one afterwards. No answer is received from the old one once the new one is there. */
function sharedBucket({ policy, key, received }, restarts) {
  const lives = restarts.filter(({ back }) => received >= back).length;
  return JSON.stringify([policy, key, lives]);
}

/** The time by which the clock of the server has gone forward: a step forward earns, and one back takes nothing away. */
function onServer(decision, clockSteps) {
  const forward = (time) =>
    clockSteps.reduce((sum, { at, ns }) => (ns > 0n && at <= time ? sum + ns : sum), time);
  return { ...decision, sent: forward(decision.sent), received: forward(decision.received) };
}

/**
 * While nobody asks, a bucket that hardly drains misses exactly what was admitted from it: what the store has admitted, and what
 * processes have admitted without it, once that is debited. Less is a debit that is missing, more a take that was carried out
 * though nobody was told, or twice.
 */
function levels(history) {
  return ledgers(history).flatMap(({ reading, expected, unsure, beyond }) => {
    const { policy, key, at, tokens, mayExceed = 0 } = reading;
    const place = { policy, key, process: '-', sent: at };
    if (-beyond > unsure) {
      return [violation('missing debit', place, `misses ${tokens} tokens, and ${expected} were admitted`)];
    }
    if (beyond <= mayExceed) return [];
    return [violation('late write', place, `misses ${tokens} tokens, and only ${expected} were admitted`)];
  });
}

/** What each reading should have shown, and how much more it has. What was carried out twice, where that may be, stays so. */
export function ledgers(history) {
  const { decisions, policies, levels: readings = [], restarts = [], losses = [] } = history;
  const repeated = new Map();
  return readings.map((reading) => {
    const { policy, key, at, tokens, mayExceed = 0 } = reading;
    const restart = restarts.filter(({ back }) => back <= at).at(-1);
    const counted = decisions.filter(
      (decision) =>
        isSameBucket(decision, reading) && isAdmitted(decision) && countsAt(decision, at, restart),
    );
    const lost = lostUntil(reading, losses, policyOf(policies, reading), restart);
    const life = JSON.stringify([policy, key, String(restart?.back)]);
    const expected = sumOf(counted) - lost + (repeated.get(life) ?? 0);
    const unsure = sumOf(counted.filter((one) => isUnsure(one, restart)));
    const beyond = tokens - expected;
    if (beyond > 0 && beyond <= mayExceed) repeated.set(life, (repeated.get(life) ?? 0) + beyond);
    return { reading, expected, unsure, beyond };
  });
}

/** In whole tokens, for these buckets hardly drain. */
function lostUntil(reading, losses, { perNs }, restart) {
  const since = restart?.back ?? 0n;
  const lost = losses.filter((one) => isSameBucket(one, reading) && one.at <= reading.at && one.at >= since);
  return lost.reduce((sum, { ticks }) => sum + Number((ticks + perNs / 2n) / perNs), 0);
}

function countsAt({ source, received }, at, restart) {
  if (received > at) return false;
  if (source === 'memory') return restart === undefined || received >= restart.from - UNSURE_NS;
  return source === 'redis' && (restart === undefined || received >= restart.back);
}

/** What a process has admitted shortly before the store was lost may have been debited before or after. */
const UNSURE_NS = 2_000_000_000n;
const isUnsure = ({ source, received }, restart) =>
  restart !== undefined && source === 'memory' && received < restart.from;

/** Every process decides in the store again, soon after it is back. */
function recoveries(history) {
  const { faults = [], recoverWithinMs } = history;
  return faults.flatMap((fault) =>
    [...recoveryMs(history, fault)]
      .filter(([, ms]) => ms > recoverWithinMs)
      .map(([process, ms]) => {
        const place = { policy: fault.name, key: '-', process, sent: fault.back };
        return violation(
          'slow recovery',
          place,
          `decided in the store ${ms.toFixed(0)} ms after it was back`,
        );
      }),
  );
}

/** Of each process: after how many milliseconds a decision of the store is there again, about a key that was hit. */
export function recoveryMs({ decisions, policies, stalls }, { back, keys }) {
  const firsts = new Map();
  for (const decision of decisions) {
    const { process, key, source, received } = decision;
    if ((keys !== undefined && !keys.includes(key)) || isLeased(policies, decision)) continue;
    if (!firsts.has(process)) firsts.set(process, undefined);
    if (source !== 'redis' || received === null || received < back) continue;
    const first = firsts.get(process);
    if (first === undefined || received < first) firsts.set(process, received);
  }
  const after = (process, first) =>
    Number(first - back) / 1e6 - stalledMs(stalls?.get(process) ?? [], back, first);
  return new Map(
    [...firsts].map(([process, first]) => [
      process,
      first === undefined ? Number.POSITIVE_INFINITY : after(process, first),
    ]),
  );
}

const isAnswered = ({ received, error }) => received !== null && !error;

const isAdmitted = (decision) => isAnswered(decision) && decision.allowed && decision.cost > 0;

const isSameBucket = (a, b) => a.policy === b.policy && a.key === b.key;

const isLeased = (policies, decision) => policyOf(policies, decision).isLeased === true;

const sumOf = (decisions) => decisions.reduce((sum, { cost }) => sum + cost, 0);

const policyOf = (policies, { policy }) => {
  const found = policies.find(({ name }) => name === policy);
  if (!found) throw new Error(`The history has a policy that nobody knows: ${policy}`);
  return found;
};

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

function violation(rule, { process, policy, key, sent }, what) {
  return { rule, message: `${process}: ${policy} of ${key}, at ${Number(sent / 1000n) / 1e6} s: ${what}` };
}
