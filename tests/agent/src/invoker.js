// Plays the agent's script inside a job container: everything comes as one JSON document on stdin, the handler
// starts with the merged environment, and an exit code of null, which stands for a signal, ends with 0.
const { spawn } = require('child_process');

let text = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  const { handler, args, workDir, environment, prependPath } = JSON.parse(text);
  Object.assign(process.env, environment, { TF_BUILD: 'True' });
  if (prependPath) {
    process.env.PATH = [prependPath, process.env.PATH].filter(Boolean).join(':');
  }
  spawn(handler, [args], { stdio: 'inherit', cwd: workDir }).on('exit', (code) => {
    if (code) {
      process.exit(code);
    }
  });
});
