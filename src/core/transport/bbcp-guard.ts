/**
 * A program of its own: runs the program that its arguments name, in the process group that it leads, and ends all of that group once whoever
 * started it is gone, which closes its standard input. bbcp alone goes on copying when the process that wanted it dies.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const [program = '', ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], shell: false });
child.on('error', ({ code }: NodeJS.ErrnoException) => {
  // In the words of a shell, which is what fails at the other end.
  const reason = code === 'EACCES' ? 'Permission denied' : 'No such file or directory';
  process.stderr.write(`${program}: ${reason}\n`);
  process.exitCode = 127;
  process.stdin.destroy();
});
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  process.stdin.destroy();
});
process.stdin.on('end', () => process.kill(-process.pid, 'SIGKILL')).resume();
