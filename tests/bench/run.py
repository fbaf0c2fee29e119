#!/usr/bin/env python3
"""Measures our package against what a Node task would do, in pairs in the same run. See README.md."""

import argparse
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"


class Run:
    """One process: wall time, processor time, peak memory, and bytes that it wrote to disk."""

    def __init__(self, command, env=None):
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command} ended with {process.returncode}")
        self.wall = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        self.disk = usage.ru_oublock * 512 / 1e6


class FirstRequest(Run):
    """A process from its start until it first connects to `listener`, which ends it."""

    def __init__(self, command, env, listener):
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env, process_group=0)
        connection, _ = listener.accept()
        self.wall = time.monotonic() - start
        os.killpg(process.pid, signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = -signal.SIGKILL
        connection.close()
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        self.disk = usage.ru_oublock * 512 / 1e6


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def compare(title, contenders, pairs):
    """Runs all contenders in turn, `pairs` times, and prints each as a ratio to the first one, round by round."""
    runs = {name: [] for name, _ in contenders}
    for _ in range(pairs):
        for name, start in contenders:
            runs[name].append(start())
    print(f"\n{title}", flush=True)
    print(f"{'':44} {'wall s':>8} {'cpu s':>7} {'rss MB':>7} {'disk MB':>8}   wall ratio (least to most)   cpu ratio")
    ours = runs[contenders[0][0]]
    for name, _ in contenders:
        theirs = runs[name]
        ratios = sorted(one.wall / own.wall for one, own in zip(theirs, ours))
        cpu = statistics.median(one.cpu / own.cpu for one, own in zip(theirs, ours))
        numbers = [median(theirs, what) for what in ("wall", "cpu", "memory", "disk")]
        print(
            f"{name:44} {numbers[0]:8.2f} {numbers[1]:7.2f} {numbers[2]:7.0f} {numbers[3]:8.1f}"
            f"   {statistics.median(ratios):6.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) {cpu:14.2f}"
        )


def shell(script):
    return ["bash", "-c", f"set -o pipefail; {script}"]


def install(folder):
    modules = folder / "node_modules"
    if not modules.is_dir() or modules.stat().st_mtime < (folder / "package.json").stat().st_mtime:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--scratch", default=None, help="a folder on a disk; the tree and temporary files go there")
    options.add_argument("--only-sending", action="store_true", help="leave packing and the start out")
    options.add_argument("--only-file", action="store_true", help="leave everything out but sending one file of 500 MiB")
    options.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(HERE.parent.parent / "target")))
    options = options.parse_args()
    only_sending = options.only_sending or options.only_file
    if options.scratch:
        os.makedirs(options.scratch, exist_ok=True)

    packages = ["--package", "package-bench", "--package", "image-builder"]
    build = ["cargo", "build", "--quiet", "--release", *packages, "--target-dir", options.target]
    subprocess.run(build, cwd=HERE, check=True)
    for peer in ("original", "modern"):
        install(PEERS / peer)
    bench = str(pathlib.Path(options.target) / "release" / "package-bench")
    if not only_sending:
        measure_start(bench.replace("package-bench", "image-builder"), max(options.pairs, 10))

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="package-bench-", dir=options.scratch))
    certificate = str(scratch / "sink.pem")
    sinks = [subprocess.Popen([bench, "sink", *more], stdout=subprocess.PIPE, text=True) for more in ([], [certificate])]
    try:
        plain, encrypted = (sink.stdout.readline().strip() for sink in sinks)
        trust = {"NODE_EXTRA_CA_CERTS": certificate, "SSL_CERT_FILE": certificate}
        tree = str(scratch / "tree")
        if not options.only_file:
            print(subprocess.run([bench, "tree", tree], check=True, capture_output=True, text=True).stdout.strip())
        if not only_sending:
            measure_packing(bench, tree, scratch, options.pairs)
        for name, url, env in (
            ("without TLS", f"http://127.0.0.1:{plain}", {}),
            ("over TLS", f"https://127.0.0.1:{encrypted}", trust),
        ):
            if not options.only_file:
                measure_sending(bench, tree, scratch, options.pairs, name, url, env)
            measure_file(bench, scratch, options.pairs, name, url, env)
    finally:
        for sink in sinks:
            sink.kill()
        shutil.rmtree(scratch)


def measure_start(core, pairs):
    """From the start of node to the first request: ours, and a task that loads the modules of the original."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    port = listener.getsockname()[1]
    connection = {
        "URL_bench": f"https://127.0.0.1:{port}/",
        "AUTH_SCHEME_bench": "ServicePrincipal",
        "AUTH_PARAMETER_bench_AUTHENTICATIONTYPE": "spnKey",
        "AUTH_PARAMETER_bench_TENANTID": "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "AUTH_PARAMETER_bench_SERVICEPRINCIPALID": "11111111-2222-3333-4444-555555555555",
        "AUTH_PARAMETER_bench_SERVICEPRINCIPALKEY": "a key that nobody takes",
        "DATA_bench_SUBSCRIPTIONID": "33333333-2222-3333-4444-555555555555",
        "DATA_bench_ENVIRONMENT": "AzureStack",
        "DATA_bench_ACTIVEDIRECTORYAUTHORITY": f"https://127.0.0.1:{port}/",
    }
    group = "/subscriptions/33333333-2222-3333-4444-555555555555/resourceGroups/rg/providers"
    inputs = {
        "IBSUBSCRIPTION": "bench",
        "IBAZURERESOURCEGROUP": "rg",
        "IBLOCATION": "westeurope",
        "MANAGEDIDENTITY": f"{group}/Microsoft.ManagedIdentity/userAssignedIdentities/id",
        "IMAGESOURCE": "marketplace",
        "BASEIMAGEPUBOFFERSKU": "Canonical:ubuntu-24_04-lts:server",
        "PROVISIONER": "shell",
        "INLINESCRIPT": "true",
        "PACKAGEPATH": str(HERE),
        "STORAGEACCOUNTNAME": "stbench",
        "VMSIZE": "Standard_D2ds_v5",
        "DISTRIBUTETYPE": "sig",
        "GALLERYIMAGEID": f"{group}/Microsoft.Compute/galleries/gallery/images/ubuntu",
    }
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", AGENT_TEMPDIRECTORY=folder)
        env |= {"IMAGE_BUILDER_BINARY": core}
        env |= {f"ENDPOINT_{name}": value for name, value in connection.items()}
        env |= {f"INPUT_{name}": value for name, value in inputs.items()}
        task = str(HERE.parent.parent / "task" / "index.js")
        modules = str(PEERS / "original" / "start.js")
        contenders = [
            ("ours", lambda: FirstRequest(["node", task], env, listener)),
            ("the original's modules", lambda: FirstRequest(["node", modules, str(port)], env, listener)),
        ]
        compare("from the start of node to the first request", contenders, pairs)


def node(peer, env, *arguments):
    return lambda: Run(["node", str(PEERS / peer / "bench.js"), *arguments], env)


def measure_packing(bench, tree, scratch, pairs):
    env = dict(os.environ)
    # Once each: fills the page cache, and says how long the archives are.
    lengths = {}
    for fmt in ("zip", "tar.gz"):
        for name, command in (
            ("ours", [bench, "pack", fmt, tree, str(scratch / f"ours.{fmt}")]),
            ("archiver 5", ["node", str(PEERS / "original/bench.js"), "pack", fmt, tree, str(scratch / f"theirs.{fmt}")]),
        ):
            Run(command, env)
            lengths[fmt, name] = os.path.getsize(command[-1])
        ratio = lengths[fmt, "ours"] / lengths[fmt, "archiver 5"]
        print(f"{fmt}: {lengths[fmt, 'ours'] / 1e6:.1f} MB, archiver 5 {lengths[fmt, 'archiver 5'] / 1e6:.1f} MB ({ratio:.3f})")

    file = str(scratch / "peer.out")
    for fmt in ("zip", "tar.gz"):
        contenders = [
            ("ours, packed into nowhere", lambda fmt=fmt: Run([bench, "pack", fmt, tree], env)),
            ("archiver 5, as the original calls it", node("original", env, "pack", fmt, tree, file)),
            ("archiver 7, level 1", node("modern", env, "pack", fmt, tree, file)),
        ]
        if fmt == "tar.gz" and shutil.which("pigz"):
            contenders.append(("tar | pigz -1", lambda: Run(shell(f"tar -C {tree} -c . | pigz -1 > {file}"), env)))
        compare(f"packing, {fmt}", contenders, pairs)


def measure_sending(bench, tree, scratch, pairs, how, url, trust):
    env = dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **trust)
    azcopy = shutil.which("azcopy")
    file = str(scratch / "peer.out")
    for fmt in ("zip", "tar.gz"):
        contenders = [
            ("ours, packed and sent at once", lambda fmt=fmt: Run([bench, "send", fmt, tree, url], env)),
            ("archiver 5, then azure-storage 2", node("original", env, "both", fmt, tree, file, url)),
            ("archiver 7 into @azure/storage-blob", node("modern", env, "both", fmt, tree, file, url)),
        ]
        if fmt == "tar.gz" and azcopy and shutil.which("pigz"):
            both = shell(f"tar -C {tree} -c . | pigz -1 > {file} && {copy(azcopy, file, url)}")
            contenders.append(("tar | pigz -1, then azcopy", lambda: Run(both, env)))
        compare(f"packing and sending {how}, {fmt}", contenders, pairs)


def measure_file(bench, scratch, pairs, how, url, trust):
    """What cannot be compressed: sending is what is measured."""
    env = dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **trust)
    azcopy = shutil.which("azcopy")
    noise = scratch / "noise"
    noise.mkdir(exist_ok=True)
    with open(noise / "noise.bin", "wb") as out:
        for _ in range(500):
            out.write(os.urandom(1 << 20))
    blob = str(noise / "noise.bin")
    contenders = [
        ("ours, sending alone", lambda: Run([bench, "send-file", blob, url], env)),
        ("ours, packed, summed and sent at once", lambda: Run([bench, "send", "tar.gz", str(noise), url], env)),
        ("azure-storage 2", node("original", env, "send", "zip", "-", blob, url)),
        ("@azure/storage-blob", node("modern", env, "send", "zip", "-", blob, url)),
    ]
    if azcopy:
        contenders.append(("azcopy", lambda: Run(shell(copy(azcopy, blob, url)), env)))
    compare(f"sending 500 MiB that cannot be compressed {how}", contenders, pairs)


def copy(azcopy, file, url):
    blob = f"{url}/bench/bench/package?sig=none"
    return f"{azcopy} copy {file} '{blob}' --from-to LocalBlob --skip-version-check --check-length=false --log-level NONE >/dev/null"


if __name__ == "__main__":
    main()
