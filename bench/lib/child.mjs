// A subject in a process of its own: what one makes V8 learn, or leaves on the heap, does not meet another.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { end, endsWithUs } from './processes.mjs';

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));

/** Starts a process, and resolves when the subject in it is open. */
export class Child {
  #process;
  #answer;

  /**
   * @param {string} module of `subjects/`, without its extension
   * @param {string} name what it exports: `(setup) => Promise<object>`, an object whose functions can be asked for
   * @param {object} setup
   * @param {string[]} [execArgv] of Node
   */
  static async start(module, name, setup, execArgv = []) {
    const child = new Child(module, name, setup, execArgv);
    try {
      await child.#reply();
      return child;
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  constructor(module, name, setup, execArgv) {
    this.#process = endsWithUs(fork(worker, [module, name, JSON.stringify(setup)], { execArgv }));
  }

  get pid() {
    return this.#process.pid;
  }

  /** What a function of the subject comes to, or a measurement of it (`worker.mjs`). */
  ask(what, options = {}) {
    this.#process.send({ what, options });
    return this.#reply();
  }

  stop() {
    return end(this.#process);
  }

  async #reply() {
    if (this.#answer) throw new Error('The process is still busy');
    this.#answer = new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`Process ${this.pid} has ended`));
      this.#process.once('exit', ended);
      this.#process.once('message', ({ error, value }) => {
        this.#process.off('exit', ended);
        if (error) reject(new Error(error));
        else resolve(value);
      });
    });
    return this.#answer.finally(() => {
      this.#answer = undefined;
    });
  }
}
