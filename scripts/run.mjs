import { spawn } from 'node:child_process';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program in this terminal and resolves to its exit code (1 when a signal ended it). A signal sent to us is
 * passed on, and ends us only after the program.
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    const settle = (outcome) => {
      for (const signal of SIGNALS) process.off(signal, forward);
      outcome();
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    child.on('error', (error) => settle(() => reject(error)));
    child.on('exit', (code) => settle(() => resolve(code ?? 1)));
  });
}
