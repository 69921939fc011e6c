// Runs before every test file. Property tests use the same values in every run, so that a failure belongs to the change and not to the
// dice; whoever looks for new counterexamples gives another seed: SLUICE_TEST_SEED=random, or the number that a failure told.
import fc from 'fast-check';

const given = process.env.SLUICE_TEST_SEED;
if (given !== 'random') {
  const seed = Number(given || 1);
  if (!Number.isInteger(seed)) throw new Error(`SLUICE_TEST_SEED: “${given}” received; expected an integer or “random”`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
