// The order of the spec files where no earlier run has left their times, as in a clean checkout: a long one that starts
// last would run alone.
const { default: Sequencer } = require('@jest/test-sequencer');

const LONGEST = ['/test/conformance/', '/test/package/', '/test/integration/', '/sample/'];

const rank = ({ path }) => {
  const place = LONGEST.findIndex((folder) => path.includes(folder));
  return place === -1 ? LONGEST.length : place;
};

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
