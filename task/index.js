'use strict';
// Starts the core for this platform and passes signals on: the agent signals this process alone, so it must outlive the core.
// It never uses console or process.stdout: Node would make the pipe it shares with the core non-blocking, and writes there would fail.
const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const [bin, platform] = [path.join(__dirname, 'bin'), `${process.platform}-${process.arch}`];
const env = { ...process.env, IMAGE_BUILDER_PARENT: 'launcher' }; // So that the core knows what the end of its stdin means.
const files = (folder) => { try { return fs.readdirSync(path.join(bin, folder)); } catch (_) { return []; } };
const denied = ['EACCES', 'EPERM', 'EROFS'];

// The override is for tests and packagers. A pipeline variable may not choose the program that gets the service connection.
function corePath() {
  const variables = (env.VSTS_PUBLIC_VARIABLES || '').toUpperCase().replace(/[. ]/g, '_');
  if (env.IMAGE_BUILDER_BINARY && !variables.includes('"IMAGE_BUILDER_BINARY"')) return env.IMAGE_BUILDER_BINARY;
  const folder = platform === 'win32-arm64' && !files(platform).length ? 'win32-x64' : platform; // Windows on ARM runs x64, too.
  return path.join(bin, folder, files(folder).find((file) => /^image-builder(\.|$)/.test(file)) || 'image-builder.bin');
}

function executable(file) {
  try { fs.accessSync(file, fs.constants.X_OK); } catch (_) { fs.chmodSync(file, 0o755); }
  return fs.accessSync(file, fs.constants.X_OK) || file; // Still denied on a file system mounted with noexec.
}

// Packages carry no executable bit, and the agent may mount the task's folder read-only: then a copy runs, and goes with us.
function runnable(file) {
  try { return executable(file); } catch (error) { if (!denied.includes(error.code)) throw error; }
  const folder = fs.mkdtempSync(path.join(process.env.AGENT_TEMPDIRECTORY || os.tmpdir(), 'image-builder-')); // So nobody sees it half written.
  process.on('exit', () => { try { fs.rmSync(folder, { recursive: true }); } catch (_) { /* The agent empties its folder after the job. */ } });
  const copy = path.join(folder, path.basename(file));
  return fs.copyFileSync(file, copy) || executable(copy);
}

function write(text) {
  for (let rest = Buffer.from(text); rest.length > 0;) {
    try { rest = rest.subarray(fs.writeSync(1, rest)); } catch (error) {
      if (error.code !== 'EAGAIN') return; // Nobody listens any more.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function report(stage, code, what, advice) {
  const [type, result] = stage === 'run' ? ['error', 'Failed'] : ['warning', 'SucceededWithIssues'];
  const escaped = (text) => text.replace(/%/g, '%AZP25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  write(`\n##vso[task.logissue type=${type};code=${code};]${escaped(`${what}\nhint: ${advice}`)}\n`);
  write(`##vso[task.complete result=${result};]${escaped(what)}\n`);
  process.exit(0); // The result is in the line above; any other exit code adds an error of the agent's own.
}

function hint(file, code, signal) {
  if (code === 'ENOENT') return `check that ${file} and, for a script, its interpreter exist`;
  if (denied.includes(code)) return `let the agent run ${file}: no noexec mount, no rule of application control or antivirus against it`;
  if (signal === 'SIGKILL' || code === 137) return 'memory probably ran out; give the agent more, or run fewer jobs on it at once';
  const shell = [2, 126, 127].includes(code); // The C library gives a program that the system refuses to a shell, which fails so.
  if (signal || (code > 0 && !shell)) return 'set variable System.Debug to true and run again to see more';
  return `check that ${file} is a whole program for ${platform}; installing the newest version of the extension replaces it`;
}

module.exports = function launch(stage) {
  const file = corePath();
  if (!fs.existsSync(file)) {
    const what = `Starting the core failed: there is no program for ${platform} at ${file}`;
    return report(stage, 'AIB901', what, `install the newest version of the extension; this one holds programs for: ${files('').join(', ') || 'nothing'}`);
  }
  const unstarted = (error) => report(stage, 'AIB902', `Starting the core failed: ${error.message}`, hint(file, error.code));
  let core; // On Windows the console signals the core as well, and kill would end it at once.
  const forward = process.platform === 'win32' ? () => {} : (signal) => core.kill(signal);
  ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'].forEach((signal) => process.on(signal, forward));
  // Nothing is written to the core's stdin; by ending, it tells the core that this process is gone.
  try { core = spawn(runnable(file), [stage], { env, stdio: ['pipe', 'inherit', 'inherit'] }); } catch (error) { return unstarted(error); }
  core.on('error', (error) => core.pid === undefined && unstarted(error));
  core.on('exit', (code, signal) => {
    if (code === 0) process.exit(0);
    report(stage, 'AIB902', `The core ended with ${signal || `exit code ${code}`} and without a result`, hint(file, code, signal));
  });
};
if (require.main === module) module.exports('run');
